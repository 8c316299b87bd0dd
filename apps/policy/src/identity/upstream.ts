// Streams to the control plane with the certificate of the moment; only who proves to be it is talked to.
import * as grpc from '@grpc/grpc-js';
import type { PolicyIdentity } from './identity.ts';
import { pause, retryMs } from './pause.ts';

export interface UpstreamOptions {
  /** `host:port`. */
  readonly address: string;
  readonly serverName: string;
  readonly identity: PolicyIdentity;
}

/** What one stream says, and hears. */
export interface StreamUse {
  readonly path: string;
  /** Called for every stream that opens. */
  opened(write: (message: Buffer) => void): void;
  received(message: Buffer): void;
  /** Called after every stream that ended; another one follows. */
  lost(reason: string): void;
}

const passThrough = (bytes: Buffer): Buffer => bytes;

/** Keeps one stream open, over any number of connections, until aborted. */
export async function keepStream(
  options: UpstreamOptions,
  use: StreamUse,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    const heard = await runStream(options, use, signal).catch((error: unknown) => {
      // Such as roots that cannot be read: others may be told before the next attempt.
      use.lost(error instanceof Error ? error.message : String(error));
      return false;
    });
    if (heard) failures = 0;
    await pause(retryMs(failures), signal);
  }
}

/** Resolves once it has ended; true when anything was heard on it. */
async function runStream(options: UpstreamOptions, use: StreamUse, signal: AbortSignal): Promise<boolean> {
  const client = connect(options);
  const stream = client.makeBidiStreamRequest(use.path, passThrough, passThrough, new grpc.Metadata());
  const cancel = (): void => stream.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  let hasHeard = false;
  return new Promise((resolve) => {
    stream.on('data', (message: Buffer) => {
      hasHeard = true;
      use.received(message);
    });
    stream.on('error', () => undefined);
    stream.once('status', ({ details }: grpc.StatusObject) => {
      signal.removeEventListener('abort', cancel);
      client.close();
      use.lost(details);
      resolve(hasHeard);
    });
    use.opened((message) => void stream.write(message));
  });
}

function connect({ address, serverName, identity }: UpstreamOptions): grpc.Client {
  const { rootsPem, privateKeyPem, certificatesPem } = identity.current;
  const credentials = grpc.credentials.createSsl(
    Buffer.from(rootsPem.join('')),
    Buffer.from(privateKeyPem),
    Buffer.from(certificatesPem),
  );
  return new grpc.Client(address, credentials, {
    'grpc.ssl_target_name_override': serverName,
    'grpc.default_authority': serverName,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.max_receive_message_length': -1,
  });
}
