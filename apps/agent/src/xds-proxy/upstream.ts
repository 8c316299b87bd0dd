// Connections of one workload to the control plane: mutual TLS with the certificate it has now, and only to who proves to be istiod.
import * as grpc from '@grpc/grpc-js';
import type { IdentityMaterial, WorkloadIdentity } from '../identity/workload-identity.ts';

export interface UpstreamOptions {
  /** `host:port`. */
  readonly address: string;
  /** DNS name that the control plane's certificate must hold; only the authority gives it away. */
  readonly serverName: string;
  readonly identity: WorkloadIdentity;
}

export type DuplexStream = grpc.ClientDuplexStream<Buffer, Buffer>;

export interface Upstream extends Disposable {
  /** Opens a stream of uninterpreted messages. */
  open(path: string): DuplexStream;
}

/** A dead peer is noticed within the sum of both. */
const keepalive = { 'grpc.keepalive_time_ms': 20_000, 'grpc.keepalive_timeout_ms': 10_000 };

const passThrough = (bytes: Buffer): Buffer => bytes;

/** A renewed certificate is used from the next stream on; streams that are open stay. */
export function createUpstream(options: UpstreamOptions): Upstream {
  let connection = connect(options);
  const renewal = options.identity.subscribe(() => {
    connection.retire();
    connection = connect(options);
  });
  return {
    open: (path) => connection.open(path),
    [Symbol.dispose]: () => {
      renewal[Symbol.dispose]();
      connection.retire();
    },
  };
}

interface Connection {
  open(path: string): DuplexStream;
  /** Closes once its last stream has ended. */
  retire(): void;
}

function connect({ address, serverName, identity }: UpstreamOptions): Connection {
  const client = new grpc.Client(address, channelCredentials(identity.current), {
    ...keepalive,
    'grpc.ssl_target_name_override': serverName,
    'grpc.default_authority': serverName,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
  });
  let streams = 0;
  let isRetired = false;
  const closeIfDone = (): void => {
    if (isRetired && streams === 0) client.close();
  };
  return {
    open(path) {
      streams += 1;
      const stream = client.makeBidiStreamRequest(path, passThrough, passThrough, new grpc.Metadata());
      stream.once('status', () => {
        streams -= 1;
        closeIfDone();
      });
      return stream;
    },
    retire() {
      isRetired = true;
      closeIfDone();
    },
  };
}

const channelCredentials = (material: IdentityMaterial): grpc.ChannelCredentials =>
  grpc.credentials.createSsl(
    Buffer.from(material.rootsPem.join('')),
    Buffer.from(material.privateKeyPem),
    Buffer.from(material.certificatesPem),
  );
