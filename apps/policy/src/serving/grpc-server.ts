// The gRPC servers of the policy service: one for proxies, one for programs of the mesh, one in plaintext for programs of this machine. Who comes to which of the first two was agreed on in TLS.
import * as grpc from '@grpc/grpc-js';
import { fail, type Result, succeed } from '@xebec/std';
import { doorServerOptions } from '../doors/limits.ts';
import { cannotListen } from './cannot-listen.ts';
import { hostAndPort } from './host-and-port.ts';

const keepalive = { 'grpc.keepalive_time_ms': 30_000, 'grpc.keepalive_timeout_ms': 10_000 };

export const newGrpcServer = (): grpc.Server => new grpc.Server({ ...doorServerOptions, ...keepalive });

const loopback = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\]):\d{1,5}$/;

export const isLoopback = (address: string): boolean => loopback.test(address);

/** Gives the address with the port that it got. */
export function servePlaintext(server: grpc.Server, address: string): Promise<Result<string>> {
  if (!isLoopback(address)) return Promise.resolve(notLoopback(address));
  return new Promise((resolve) => {
    server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) =>
      resolve(
        error === null
          ? succeed(`${hostAndPort(address).shown}:${port}`)
          : cannotListen(address, error.message),
      ),
    );
  });
}

const notLoopback = (address: string): Result<never> =>
  fail({
    severity: 'error',
    code: 'not-loopback',
    message: `${address} is not an address of this machine only: everybody who reaches it could ask`,
    remedy: 'write 127.0.0.1:PORT, or serve with mutual TLS by --listen',
  });

/** Calls under way are answered, for at most so many milliseconds. */
export function shutDown(server: grpc.Server, patienceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, patienceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
