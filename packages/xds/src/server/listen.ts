// A port of the server: connections come to gRPC through the gate, never by themselves.
import { createServer } from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import { createConnectionGate } from './connection-gate.ts';
import type { StreamHub } from './stream-hub.ts';

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly credentials: ServerCredentials;
}

export interface Listener extends Disposable {
  readonly port: number;
}

/** Rejects with the system's own words. What it has accepted goes on after it is disposed of, but for strangers. */
export async function listen(server: Server, hub: StreamHub, options: ListenOptions): Promise<Listener> {
  const injector = server.createConnectionInjector(options.credentials);
  const gate = createConnectionGate({
    limits: hub.limits,
    clock: hub.clock,
    pass: (socket) => injector.injectConnection(socket),
  });
  const listener = createServer({ noDelay: true }, (socket) => gate.accept(socket));
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ host: options.host, port: options.port }, resolve);
  });
  hub.gates.add(gate);
  const address = listener.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    [Symbol.dispose]() {
      listener.close();
      hub.gates.delete(gate);
      gate[Symbol.dispose]();
    },
  };
}
