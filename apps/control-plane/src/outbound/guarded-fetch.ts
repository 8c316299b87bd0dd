// One fetch on behalf of a configuration: bounded in size, time and redirects, and the connection goes to the address that was checked.
import { lookup as resolveAll } from 'node:dns';
import { type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import type { AddressGuard } from './address-guard.ts';

export interface FetchLimits {
  readonly timeoutMs: number;
  readonly mostBytes: number;
}

export interface FetchOptions extends FetchLimits {
  readonly guard: AddressGuard;
  readonly accept?: string;
  /** Whoever answers is known by this instead of a certificate of the web. */
  readonly peer?: ExpectedPeer;
  /** For tests. */
  readonly resolve?: Resolve;
}

export interface ExpectedPeer {
  readonly rootsPem: readonly string[];
  /** What is wrong with the certificate that is presented, whose chain is verified; undefined: nothing. */
  readonly check: (certificate: PeerCertificate) => Error | undefined;
}

export type Resolve = typeof resolveAll;

export type Fetched =
  | { readonly kind: 'text'; readonly text: string }
  /** In words for an operator. */
  | { readonly kind: 'failed'; readonly reason: string };

const mostRedirects = 3;

/** Any outcome but a whole 200 answer is a failure. Never throws. */
export async function fetchGuarded(url: string, options: FetchOptions): Promise<Fetched> {
  const signal = AbortSignal.timeout(options.timeoutMs);
  let at = URL.canParse(url) ? new URL(url) : undefined;
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    if (at === undefined) return failed('it leads to what is no address');
    const refusal = refusalOf(at, options.guard);
    if (refusal !== undefined) return failed(refusal);
    const answer = await ask(at, options, signal);
    if (answer.kind !== 'redirect') return answer;
    const next: URL | undefined = URL.canParse(answer.to, at.href) ? new URL(answer.to, at) : undefined;
    if (at.protocol === 'https:' && next?.protocol === 'http:')
      return failed(`${at.host} redirects from https to http`);
    at = next;
  }
  return failed(`there are more than ${mostRedirects} redirects`);
}

const failed = (reason: string): Fetched => ({ kind: 'failed', reason });

const bareHost = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

function refusalOf(url: URL, guard: AddressGuard): string | undefined {
  const host = bareHost(url);
  if (!/^https?:$/.test(url.protocol)) return `${url.protocol} is not spoken`;
  if (isIP(host) !== 0 && !guard.isOpen(host, host)) return blocked(host, [host]);
  return undefined;
}

const blocked = (host: string, addresses: readonly string[]): string =>
  `${host} is at ${addresses.join(', ')}, which may not be called: allow it with --jwks-allow ${host} if that is meant`;

type Answer = Fetched | { readonly kind: 'redirect'; readonly to: string };

function ask(url: URL, options: FetchOptions, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve) => {
    const isTls = url.protocol === 'https:';
    const outgoing = (isTls ? requestTls : requestPlain)(url, {
      signal,
      agent: false,
      lookup: checkedLookup(options),
      ...(options.peer === undefined ? {} : verifiedBy(options.peer)),
      headers: { accept: options.accept ?? 'application/json', 'accept-encoding': 'identity' },
    });
    const fail = (error: unknown): void => resolve(failed(reasonOf(error, { url, signal, options })));
    outgoing.once('socket', (socket) => {
      socket.once('connect', () => {
        const host = bareHost(url);
        const address = socket.remoteAddress ?? '';
        // What is read in clear text anybody on the way may have written.
        if (isTls || options.guard.isNamed(host, address)) return;
        outgoing.destroy(
          new RefusedAddress(
            `${url.host} is asked in clear text: write https, or allow it with --jwks-allow ${host}`,
          ),
        );
      });
    });
    outgoing.once('error', fail);
    outgoing.once('response', (response) => void read(response, url, options).then(resolve, fail));
    outgoing.end();
  });
}

const verifiedBy = ({ rootsPem, check }: ExpectedPeer) => ({
  ca: [...rootsPem],
  checkServerIdentity: (_host: string, certificate: PeerCertificate) => check(certificate),
});

class RefusedAddress extends Error {}

/** Addresses that may not be called are as good as none; what is connected to is what was looked at. */
function checkedLookup({ guard, resolve = resolveAll }: FetchOptions): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { all: true, family: options.family ?? 0 }, (error, found) => {
      if (error !== null) return callback(error, '', 0);
      const open = found.filter(({ address }) => guard.isOpen(hostname, address));
      const [first] = open;
      if (first === undefined) {
        const all = found.map(({ address }) => address);
        return callback(new RefusedAddress(blocked(hostname, all)), '', 0);
      }
      if (options.all === true) return callback(null, open);
      return callback(null, first.address, first.family);
    });
  };
}

function reasonOf(
  error: unknown,
  {
    url,
    signal,
    options,
  }: { readonly url: URL; readonly signal: AbortSignal; readonly options: FetchOptions },
): string {
  if (signal.aborted) return `${url.host} has not answered within ${options.timeoutMs / 1_000} s`;
  if (error instanceof RefusedAddress) return error.message;
  return `${url.host}: ${error instanceof Error ? error.message : String(error)}`;
}

async function read(response: IncomingMessage, { host }: URL, { mostBytes }: FetchLimits): Promise<Answer> {
  const { statusCode = 0, headers } = response;
  if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
    response.destroy();
    return { kind: 'redirect', to: headers.location };
  }
  if (statusCode !== 200) {
    response.destroy();
    return failed(`${host} answers ${statusCode}`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size > mostBytes) {
      response.destroy();
      return failed(`${host} sends more than ${mostBytes} bytes`);
    }
    chunks.push(bytes);
  }
  return { kind: 'text', text: Buffer.concat(chunks).toString('utf8') };
}
