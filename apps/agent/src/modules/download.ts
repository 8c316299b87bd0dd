// One download: bounded in size, time and redirects; credentials go to nobody but who they are for, and never from https to http.
import { messageOf } from '../problem.ts';
import { gone, type ModuleFailure, unreachable } from './module-request.ts';

export interface DownloadLimits {
  readonly bytes: number;
  readonly timeoutMs: number;
}

/** Modules of whole languages are some tens of megabytes. */
export const usualLimits: DownloadLimits = { bytes: 128 * 1024 * 1024, timeoutMs: 30_000 };

export interface Downloaded {
  readonly kind: 'downloaded';
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

const mostRedirects = 5;

/** Any answer that is not a redirect; the reader decides about its status. */
export async function download(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  limits: DownloadLimits = usualLimits,
): Promise<Downloaded | ModuleFailure> {
  const signal = AbortSignal.timeout(limits.timeoutMs);
  let at = new URL(url);
  let sent = headers;
  try {
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      const response = await fetch(at, { headers: sent, redirect: 'manual', signal });
      const next = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
      if (next === null) return await read(response, at, limits);
      await response.body?.cancel();
      const to = new URL(next, at);
      if (!isAllowed(at, to)) return gone(`${at.origin} redirects to ${to.origin}`);
      if (to.origin !== at.origin) sent = withoutCredentials(sent);
      at = to;
    }
    return gone(`${at.origin} redirects more than ${mostRedirects} times`);
  } catch (error) {
    return unreachable(`${at.origin}: ${reasonOf(error, limits)}`);
  }
}

const isAllowed = (from: URL, to: URL): boolean =>
  to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:');

const withoutCredentials = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'));

function reasonOf(error: unknown, { timeoutMs }: DownloadLimits): string {
  if (error instanceof Error && error.name === 'TimeoutError')
    return `no answer within ${timeoutMs / 1_000} s`;
  const cause = error instanceof Error ? error.cause : undefined;
  return messageOf(cause ?? error);
}

async function read(
  response: Response,
  { origin }: URL,
  limits: DownloadLimits,
): Promise<Downloaded | ModuleFailure> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    const bytes: Uint8Array = chunk;
    size += bytes.length;
    if (size > limits.bytes) return gone(`${origin} sends more than ${limits.bytes} bytes`);
    chunks.push(bytes);
  }
  return {
    kind: 'downloaded',
    status: response.status,
    headers: response.headers,
    bytes: Buffer.concat(chunks),
  };
}

/** Who is overloaded or not there now may answer later; who refuses will refuse again. */
export function refusedWith(what: string, status: number): ModuleFailure {
  const reason = `${what} answers ${status}`;
  return status >= 500 || status === 408 || status === 429 ? unreachable(reason) : gone(reason);
}
