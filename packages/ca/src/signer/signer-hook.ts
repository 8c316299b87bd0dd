// Somebody else signs: a request goes out over HTTP, a chain comes back. One POST with JSON; what is not an answer in time is a failure value.
import { readFileSync } from 'node:fs';
import { type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { SECOND_MS } from '../clock.ts';
import { refuse } from '../refusal.ts';

/** What a signer is asked: a certificate for this identity and these names, whatever the request itself says. */
export interface SigningRequest {
  /** PEM, signed with the key that is to be certified. */
  readonly csr: string;
  readonly spiffeId: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly ttlSeconds: number;
}

export interface SignerHook {
  /** PEM: leaf and intermediates. */
  sign(request: SigningRequest): Promise<Result<string>>;
}

export interface SignerAddress {
  /** `unix:PATH`, `https://HOST:PORT/PATH`, or `http://` of a loopback address. */
  readonly url: string;
  /** Roots of an HTTPS signer; read at every call. */
  readonly rootsFile?: string;
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 5 * SECOND_MS;
const MAX_ANSWER = 256 * 1_024;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

/** Refuses an address over which others could read along. */
export function openSignerHook(address: SignerAddress): Result<SignerHook> {
  const target = targetOf(address);
  if (target === undefined) {
    return refuse({
      code: 'bad-signer-address',
      message: 'this is no address of a signer',
      remedy: 'write unix:PATH, https://HOST:PORT/PATH, or http:// with a loopback address',
    });
  }
  return succeed({
    async sign(request) {
      try {
        return succeed(readChain(await post(target, JSON.stringify(request), address)));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return refuse({
          code: 'signer-unavailable',
          message: `the external signer gave no certificate: ${why}`,
          remedy: 'see its log, and check its address (--ca-signer)',
        });
      }
    },
  });
}

interface Target {
  readonly isSecure: boolean;
  readonly options: RequestOptions;
}

function targetOf({ url }: SignerAddress): Target | undefined {
  if (url.startsWith('unix:/')) {
    return { isSecure: false, options: { socketPath: url.slice('unix:'.length), path: '/sign' } };
  }
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(url);
  const path = pathname === '/' ? '/sign' : pathname;
  const host = hostname.replace(/^\[|\]$/g, '');
  const options = { host, path, ...(port === '' ? {} : { port: Number(port) }) };
  if (protocol === 'https:') return { isSecure: true, options };
  return protocol === 'http:' && LOOPBACK.test(hostname) ? { isSecure: false, options } : undefined;
}

function post({ isSecure, options }: Target, body: string, address: SignerAddress): Promise<string> {
  const signal = AbortSignal.timeout(address.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const call = { ...options, method: 'POST', headers, signal };
  const ca = address.rootsFile === undefined ? {} : { ca: readFileSync(address.rootsFile) };
  return new Promise((resolve, reject) => {
    const sent = isSecure ? requestHttps({ ...call, ...ca, minVersion: 'TLSv1.2' }) : requestHttp(call);
    sent.on('error', reject);
    sent.on('response', (answer) => {
      const parts: Buffer[] = [];
      let size = 0;
      answer.on('error', reject);
      answer.on('data', (part: Buffer) => {
        size += part.length;
        if (size > MAX_ANSWER) sent.destroy(new Error('its answer is too long'));
        parts.push(part);
      });
      answer.on('end', () =>
        answer.statusCode === 200
          ? resolve(Buffer.concat(parts).toString('utf8'))
          : reject(new Error(`status ${answer.statusCode}`)),
      );
    });
    sent.end(body);
  });
}

/** `{"chain": "PEM…"}`. */
function readChain(text: string): string {
  const value: unknown = JSON.parse(text);
  const chain: unknown = Reflect.get(Object(value), 'chain');
  if (typeof chain !== 'string') throw new Error('its answer has no chain');
  return chain;
}
