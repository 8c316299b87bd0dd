// The gRPC ports of the policy service: one with the mesh's mutual TLS, whose certificate changes while it serves, and one in plaintext for this machine only.
import * as grpc from '@grpc/grpc-js';
import { createServingCredentials } from '@xebec/ca';
import { fail, type Result, succeed } from '@xebec/std';
import { doorServerOptions } from '../doors/limits.ts';
import type { PolicyIdentity } from '../identity/identity.ts';

export interface GrpcPort {
  readonly address: string;
  /** Calls under way are answered, for at most so many milliseconds. */
  close(patienceMs: number): Promise<void>;
}

const keepalive = { 'grpc.keepalive_time_ms': 30_000, 'grpc.keepalive_timeout_ms': 10_000 };

export const newGrpcServer = (): grpc.Server => new grpc.Server({ ...doorServerOptions, ...keepalive });

/** Callers without a certificate may connect; the doors say what they may do. */
export async function serveMutual(
  server: grpc.Server,
  address: string,
  identity: PolicyIdentity,
): Promise<Result<GrpcPort>> {
  const serving = createServingCredentials(identity.current, { requireClientCertificate: true });
  const renewals = identity.subscribe((material) => serving.update(material));
  return bind(server, { address, credentials: serving.credentials, onClose: renewals });
}

const loopback = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\]):\d{1,5}$/;

export const isLoopback = (address: string): boolean => loopback.test(address);

export async function servePlaintext(server: grpc.Server, address: string): Promise<Result<GrpcPort>> {
  if (!isLoopback(address)) {
    return fail({
      severity: 'error',
      code: 'not-loopback',
      message: `${address} is not an address of this machine only: everybody who reaches it could ask`,
      remedy: 'write 127.0.0.1:PORT, or serve with mutual TLS by --listen',
    });
  }
  return bind(server, { address, credentials: grpc.ServerCredentials.createInsecure() });
}

interface Bind {
  readonly address: string;
  readonly credentials: grpc.ServerCredentials;
  readonly onClose?: Disposable;
}

function bind(server: grpc.Server, { address, credentials, onClose }: Bind): Promise<Result<GrpcPort>> {
  return new Promise((resolve) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error !== null) {
        onClose?.[Symbol.dispose]();
        resolve(cannotListen(address, error.message));
        return;
      }
      const host = address.slice(0, address.lastIndexOf(':'));
      resolve(
        succeed({
          address: `${host}:${port}`,
          close: async (patienceMs) => {
            await shutDown(server, patienceMs);
            onClose?.[Symbol.dispose]();
          },
        }),
      );
    });
  });
}

export const cannotListen = (address: string, reason: string): Result<never> =>
  fail({
    severity: 'error',
    code: 'cannot-listen',
    message: `cannot listen on ${address}: ${reason}`,
    remedy: 'choose another address, or stop what uses this one',
  });

function shutDown(server: grpc.Server, patienceMs: number): Promise<void> {
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
