// The keys behind one name: the set that is published there, or the one that an issuer's OpenID configuration leads to.
import { keySetLimits, keySetText, loginEndpointsText, readKeySet, readLoginEndpoints } from '@xebec/config';
import type { KeySource } from '@xebec/model';
import type { Fetched, FetchLimits } from '../outbound/guarded-fetch.ts';

export type FetchedKeys =
  | { readonly kind: 'keys'; readonly keySet: string; readonly count: number; readonly ignored: number }
  | { readonly kind: 'failed'; readonly reason: string };

export type FetchText = (url: string, limits: FetchLimits) => Promise<Fetched>;

/** Never throws. */
export async function fetchKeys(
  source: KeySource,
  { fetchText, timeoutMs }: { readonly fetchText: FetchText; readonly timeoutMs: number },
): Promise<FetchedKeys> {
  const limits = { timeoutMs, mostBytes: keySetLimits.bytes };
  const [kind, ...rest] = source.split(' ');
  const written = rest.join(' ');
  if (kind === 'login') return fetchEndpoints(written, (url) => fetchText(url, limits));
  const uri = kind === 'uri' ? written : await discover(written, (url) => fetchText(url, limits));
  if (typeof uri !== 'string') return uri;
  const answer = await fetchText(uri, limits);
  if (answer.kind === 'failed') return answer;
  const read = readKeySet(answer.text);
  if (read.kind === 'bad') return { kind: 'failed', reason: `${read.message}: ${read.remedy}` };
  const { keys, ignored } = read;
  return { kind: 'keys', keySet: keySetText(keys), count: keys.length, ignored };
}

/** Where users log in, in the place of keys. */
async function fetchEndpoints(
  issuer: string,
  fetchText: (url: string) => Promise<Fetched>,
): Promise<FetchedKeys> {
  const written = await fetchConfiguration(issuer, fetchText);
  if (written.kind === 'failed') return written;
  const reading = readLoginEndpoints(issuer, written.fields);
  if (reading.kind === 'bad') return { kind: 'failed', reason: reading.reason };
  return { kind: 'keys', keySet: loginEndpointsText(reading.endpoints), count: 0, ignored: 0 };
}

type Failure = Extract<Fetched, { kind: 'failed' }>;

const failed = (reason: string): Failure => ({ kind: 'failed', reason });

/** OpenID Connect Discovery 1.0, section 4. */
async function fetchConfiguration(
  issuer: string,
  fetchText: (url: string) => Promise<Fetched>,
): Promise<Failure | { readonly kind: 'fields'; readonly fields: Readonly<Record<string, unknown>> }> {
  const answer = await fetchText(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  if (answer.kind === 'failed') return answer;
  const fields = parse(answer.text);
  return fields === undefined
    ? failed('the OpenID configuration is no JSON object')
    : { kind: 'fields', fields };
}

/** Whoever answers must be the issuer that was asked. */
async function discover(
  issuer: string,
  fetchText: (url: string) => Promise<Fetched>,
): Promise<string | Failure> {
  const written = await fetchConfiguration(issuer, fetchText);
  if (written.kind === 'failed') return written;
  const { fields } = written;
  if (fields['issuer'] !== issuer) return failed('the OpenID configuration is of another issuer');
  const uri = fields['jwks_uri'];
  if (typeof uri !== 'string') return failed('the OpenID configuration has no jwks_uri');
  if (issuer.startsWith('https:') && !uri.startsWith('https:'))
    return failed('the OpenID configuration leads from https to http');
  return uri;
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? Object.fromEntries(Object.entries(value)) : undefined;
  } catch {
    return undefined;
  }
}
