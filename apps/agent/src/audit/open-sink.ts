// Sinks of audit records: standard output, and servers that take Envoy's access logs.
import * as grpc from '@grpc/grpc-js';
import type { AuditSink } from '@xebec/journal-file';
import { assert } from '@xebec/std';
import { createGrpcSink } from './grpc-sink.ts';

export interface AuditSinkOptions {
  /** `stdout`, `unix:PATH`, `grpc://HOST:PORT` on this machine, `grpcs://HOST:PORT` with TLS. */
  readonly target: string;
  /** Whose records they are. */
  readonly writer: string;
  readonly print: (text: string) => void;
  /** A server takes nothing, told once, and that it does again. */
  readonly onTrouble: (message: string) => void;
}

export type OpenedSink = AuditSink & Disposable;

export function openAuditSink({ target, writer, print, onTrouble }: AuditSinkOptions): OpenedSink {
  if (target === 'stdout')
    return { write: (lines) => print(lines.join('')), [Symbol.dispose]: () => undefined };
  const [, scheme, address = target] = /^(grpcs?):\/\/(.+)$/.exec(target) ?? [];
  const credentials = scheme === 'grpcs' ? grpc.credentials.createSsl() : grpc.credentials.createInsecure();
  assert(scheme !== 'grpc' || isLoopback(address), 'records leave this machine only over TLS');
  return createGrpcSink({ address, credentials, writer, onTrouble });
}

const isLoopback = (address: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\]):\d+$/.test(address);
