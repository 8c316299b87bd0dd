// How a registry lets us in: as anybody, with a password, or with a token that it says where to get.

import { parseJson } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';
import { type Downloaded, type DownloadLimits, download, refusedWith } from './download.ts';
import type { ModuleFailure } from './module-request.ts';

export interface Registry {
  /** `https://HOST`. */
  readonly origin: string;
  /** `user:password` in base64. */
  readonly credentials: string | undefined;
}

const isLoopback = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host);

/** Registries speak TLS, but for one on this machine. */
export const registryAt = (host: string, pullSecret: string | undefined): Registry => ({
  origin: `${isLoopback(host) ? 'http' : 'https'}://${host}`,
  credentials: pullSecret === undefined ? undefined : credentialsFor(host, pullSecret),
});

/** Of Docker's configuration file: `auths.HOST.auth`, or its `username` and `password`. */
function credentialsFor(host: string, pullSecret: string): string | undefined {
  const file = parseJson(pullSecret);
  const auths = isRecord(file) ? file['auths'] : undefined;
  if (!isRecord(auths)) return undefined;
  const entry = Object.entries(auths).find(
    ([key]) => key.replace(/^https?:\/\//, '').split('/')[0] === host,
  )?.[1];
  if (!isRecord(entry)) return undefined;
  const { auth, username, password } = entry;
  if (typeof auth === 'string' && auth !== '') return auth;
  return typeof username === 'string' && typeof password === 'string'
    ? Buffer.from(`${username}:${password}`).toString('base64')
    : undefined;
}

/** Fetches from one registry, and remembers how it was let in. */
export function createRegistryClient({ origin, credentials }: Registry, limits: DownloadLimits) {
  let authorization: string | undefined;
  const ask = (path: string, accept: string): Promise<Downloaded | ModuleFailure> =>
    download(
      `${origin}${path}`,
      { accept, ...(authorization === undefined ? {} : { authorization }) },
      limits,
    );
  return async (path: string, accept: string): Promise<Downloaded | ModuleFailure> => {
    const first = await ask(path, accept);
    if (first.kind === 'failed' || first.status !== 401 || authorization !== undefined)
      return checked(first, path);
    const challenge = first.headers.get('www-authenticate') ?? '';
    const granted = await answerTo(challenge, credentials, limits);
    if (typeof granted !== 'string') return granted ?? checked(first, path);
    authorization = granted;
    return checked(await ask(path, accept), path);
  };
}

const checked = (answer: Downloaded | ModuleFailure, path: string): Downloaded | ModuleFailure =>
  answer.kind === 'failed' || answer.status === 200
    ? answer
    : refusedWith(`the registry’s ${path}`, answer.status);

/** The header that answers a challenge; undefined when we have none. */
async function answerTo(
  challenge: string,
  credentials: string | undefined,
  limits: DownloadLimits,
): Promise<string | ModuleFailure | undefined> {
  if (/^basic\b/i.test(challenge)) return credentials === undefined ? undefined : `Basic ${credentials}`;
  const { realm, service, scope } = parametersOf(challenge);
  if (!/^bearer\b/i.test(challenge) || realm === undefined || !URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  if (url.protocol !== 'https:' && !isLoopback(url.host)) return undefined;
  if (service !== undefined) url.searchParams.set('service', service);
  if (scope !== undefined) url.searchParams.set('scope', scope);
  const answer = await download(
    url.href,
    credentials === undefined ? {} : { authorization: `Basic ${credentials}` },
    limits,
  );
  if (answer.kind === 'failed') return answer;
  if (answer.status !== 200)
    return refusedWith(`${url.origin}, which gives tokens for the registry,`, answer.status);
  const body = parseJson(Buffer.from(answer.bytes).toString());
  const token = isRecord(body) ? (body['token'] ?? body['access_token']) : undefined;
  return typeof token === 'string' ? `Bearer ${token}` : undefined;
}

/** `Bearer realm="…",service="…"`. */
const parametersOf = (challenge: string): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(
    [...challenge.slice(0, 4_000).matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name.toLowerCase(),
      value,
    ]),
  );
