// Attributes of an HTTP request and of the end user behind it, out of what a proxy sends.
import type { JsonObject } from '@bufbuild/protobuf';
import type { AttributeValue } from '@xebec/policy';
import type { OutsideService } from './call-facts.ts';

/** Path and query apart: a query may have one key several times; the first counts. */
export function pathAttributes(path: string): Readonly<Record<string, AttributeValue | undefined>> {
  const [withoutFragment = ''] = path.split('#');
  const mark = withoutFragment.indexOf('?');
  const urlPath = mark === -1 ? withoutFragment : withoutFragment.slice(0, mark);
  const query = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(mark === -1 ? '' : withoutFragment.slice(mark + 1)))
    if (!query.has(key)) query.set(key, value);
  return { 'request.path': path, 'request.url_path': urlPath, 'request.query_params': query };
}

/** Of the claims that the token filter verified: as Istio's `request.auth.*`. */
export function tokenAttributes(
  claims: JsonObject | undefined,
): Readonly<Record<string, AttributeValue | undefined>> {
  if (claims === undefined) return {};
  const { iss, sub, aud, azp } = claims;
  const principal = typeof iss === 'string' && typeof sub === 'string' ? `${iss}/${sub}` : undefined;
  return {
    'request.auth.principal': principal,
    'request.auth.audiences': listText(aud),
    'request.auth.presenter': typeof azp === 'string' ? azp : undefined,
    'request.auth.claims': new Map(
      Object.entries(claims).flatMap(([name, claim]) => claimEntry(name, claim)),
    ),
    'request.auth.raw_claims': JSON.stringify(claims),
  };
}

function claimEntry(name: string, claim: unknown): readonly (readonly [string, string])[] {
  const text = listText(claim);
  return text === undefined ? [] : [[name, text]];
}

function listText(claim: unknown): string | undefined {
  if (typeof claim === 'string') return claim;
  if (typeof claim === 'number' || typeof claim === 'boolean') return String(claim);
  if (!Array.isArray(claim)) return undefined;
  return claim.filter((each) => typeof each === 'string').join(',');
}

const tokenFilter = 'envoy.filters.http.jwt_authn';

export function claimsIn(
  metadata: { readonly filterMetadata: Readonly<Record<string, JsonObject>> } | undefined,
): JsonObject | undefined {
  const payload = metadata?.filterMetadata[tokenFilter]?.['payload'];
  return typeof payload === 'object' && payload !== null && !Array.isArray(payload) ? payload : undefined;
}

/** Where inbound proxies note down what the other end's proxy says of itself. */
const peerNamespace = 'xebec.peer';

export function peerWorkloadIn(
  metadata: { readonly filterMetadata: Readonly<Record<string, JsonObject>> } | undefined,
): { readonly peerWorkload?: string } {
  const workload = metadata?.filterMetadata[peerNamespace]?.['workload'];
  return typeof workload === 'string' && workload !== '' && workload !== '-'
    ? { peerWorkload: workload }
    : {};
}

/** One text for a header that came several times, as HTTP allows. */
export function headersMap(headers: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(headers));
}

export const protocolOf = (contentType: string | undefined): 'http' | 'grpc' =>
  contentType?.startsWith('application/grpc') === true ? 'grpc' : 'http';

/** Where the last proxy on the way notes down which service is called that has none: `told NAMESPACE NAME HOST`. */
const outsideKey = 'xebec_outside_shadow_effective_policy_id';

export function outsideServiceIn(
  metadata: { readonly filterMetadata: Readonly<Record<string, JsonObject>> } | undefined,
): { readonly outside?: OutsideService } {
  const noted = metadata?.filterMetadata['envoy.filters.http.rbac']?.[outsideKey];
  const [, namespace, name, host] = typeof noted === 'string' ? noted.split(' ') : [];
  return namespace === undefined || name === undefined || host === undefined
    ? {}
    : { outside: { namespace, name, host } };
}
