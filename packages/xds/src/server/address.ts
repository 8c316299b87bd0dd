// Where the server may listen. The rule: without TLS only where nobody but this machine can connect.
import { isIPv4, isIPv6 } from 'node:net';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Parses `127.0.0.1:15010` or `[::1]:15010`; names are not resolved. */
export function parseListenAddress(text: string): Result<ListenAddress> {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  if (!(isIPv4(host) || isIPv6(host)) || !(port >= 0 && port <= 65_535)) {
    return fail(diagnostic('invalid-address', `"${text}" is no address to listen on`));
  }
  return succeed({ host, port });
}

const isLoopback = (host: string): boolean => host === '::1' || (isIPv4(host) && host.startsWith('127.'));

/** The refusal of an address for plaintext, or undefined. */
export function refusePlaintext(address: ListenAddress): Diagnostic | undefined {
  if (isLoopback(address.host)) return undefined;
  const message = `plaintext xDS on ${address.host} would hand configuration and secrets to the network`;
  return { ...diagnostic('plaintext-not-local', message), remedy: 'use 127.0.0.1:PORT, or bind with TLS' };
}

export const diagnostic = (code: string, message: string): Diagnostic => ({
  severity: 'error',
  code,
  message,
  remedy: 'write IP:PORT, for example 127.0.0.1:15010 or [::1]:15010',
});
