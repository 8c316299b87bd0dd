// Tells every workload what to trust, at once and whenever it changes, and hears what its proxy has taken. Only who holds a certificate of the mesh may ask, and speaks for its own namespace only.
import * as grpc from '@grpc/grpc-js';
import type { Authenticator } from '../authenticators/authenticator.ts';
import type { Identity } from '../spiffe-id.ts';
import type { TrustBundle, TrustReport } from './trust-bundle.ts';
import { decodeReport, encodeBundle, FOLLOW_PATH } from './trust-messages.ts';

export interface TrustServiceOptions {
  /** Finds the identity behind a client certificate. */
  readonly authenticator: Authenticator;
  readonly source: TrustSource;
  readonly onReport: (report: TrustReport, identity: Identity) => void;
  /** The workload is not connected any more. */
  readonly onGone: (node: string) => void;
}

export interface TrustSource {
  readonly bundle: TrustBundle;
  /** Called after every change. */
  subscribe(listener: () => void): Disposable;
}

type Call = grpc.ServerDuplexStream<Buffer, Buffer>;

const passThrough = (bytes: Buffer): Buffer => bytes;

const DEFINITION: grpc.ServiceDefinition = {
  Follow: {
    path: FOLLOW_PATH,
    requestStream: true,
    responseStream: true,
    requestSerialize: passThrough,
    requestDeserialize: passThrough,
    responseSerialize: passThrough,
    responseDeserialize: passThrough,
  },
};

export function addTrustService(server: grpc.Server, options: TrustServiceOptions): void {
  server.addService(DEFINITION, { Follow: (call: Call) => void follow(call, options) });
}

async function follow(call: Call, options: TrustServiceOptions): Promise<void> {
  const { authenticator, source, onReport, onGone } = options;
  const peerCertificate = call.getAuthContext().sslPeerCertificate?.raw;
  call.on('error', () => undefined);
  const identity = await authenticator
    .authenticate({ peer: call.getPeer(), bearerToken: undefined, peerCertificate })
    .catch(() => undefined);
  if (identity === undefined) {
    end(call, grpc.status.UNAUTHENTICATED, 'a client certificate of the mesh is required');
    return;
  }
  const send = (): void => void call.write(encodeBundle(source.bundle));
  const changes = source.subscribe(send);
  let node: string | undefined;
  const close = (): void => {
    changes[Symbol.dispose]();
    if (node !== undefined) onGone(node);
    node = undefined;
  };
  call.on('data', (message: Buffer) => {
    const report = decodeReport(message);
    if (report === undefined || !isOf(report.node, identity) || (node ?? report.node) !== report.node) {
      end(call, grpc.status.INVALID_ARGUMENT, 'not a report of this workload');
      return;
    }
    node = report.node;
    onReport(report, identity);
  });
  call.on('end', () => {
    close();
    call.end();
  });
  call.on('cancelled', close);
  call.on('error', close);
  call.on('close', close);
  send();
}

const end = (call: Call, code: grpc.status, details: string): void =>
  void call.emit('error', { code, details });

/** `TYPE~IP~NAME.NAMESPACE~DOMAIN`: the namespace must be that of the certificate. */
const isOf = (node: string, { namespace }: Identity): boolean => {
  const name = node.split('~')[2] ?? '';
  return name.slice(name.lastIndexOf('.') + 1) === namespace;
};
