// One test of a policy against a call. What this file does not know of is unknown, neither true nor false.
import { isInBlocks } from '@xebec/config';
import type { AuthorizationAttribute, AuthorizationTest, TextPattern } from '@xebec/model';
import { type CheckedCall, not, some, type Truth, truthOf } from './call.ts';
import { type Claims, requestPrincipalOf, textsOfClaim } from './claims.ts';
import { fitsTemplate, withoutQuery } from './paths.ts';
import { isAccount, isInNamespace, listsText, matchesHost, matchesText } from './texts.ts';

export interface TestContext {
  readonly call: CheckedCall;
  /** The names of the mesh's own, its usual one first. */
  readonly trustDomains: readonly string[];
  /** A policy that matches does not allow. */
  readonly isRefusing: boolean;
}

interface ValueContext extends TestContext {
  /** A value that matches leads to a refusal. */
  readonly isRefusal: boolean;
}

type ValueTest = (value: TextPattern, context: ValueContext) => Truth;

/** Attributes that only HTTP has. */
export const needsHttp = ({ attribute }: AuthorizationTest): boolean =>
  typeof attribute === 'object' ||
  attribute === 'host' ||
  attribute === 'method' ||
  attribute === 'path' ||
  attribute === 'request-principal';

export function testHolds({ attribute, values, isNegated }: AuthorizationTest, context: TestContext): Truth {
  const isRefusal = context.isRefusing !== isNegated;
  const test = valueTestOf(attribute);
  const any =
    test === undefined ? 'unknown' : some(values.map((value) => test(value, { ...context, isRefusal })));
  return isNegated ? not(any) : any;
}

const valueTestOf = (attribute: AuthorizationAttribute): ValueTest | undefined => {
  if (typeof attribute === 'string')
    return Object.hasOwn(valueTests, attribute) ? valueTests[attribute] : undefined;
  if ('claim' in attribute) return claimTest(attribute.claim);
  return 'header' in attribute ? headerTest(attribute.header) : undefined;
};

const ofKnown = (text: string | undefined, holds: (text: string) => boolean): Truth =>
  text === undefined ? 'unknown' : truthOf(holds(text));

const writtenIn = (pattern: TextPattern): string => (pattern.kind === 'present' ? '' : pattern.value);

const isIn = (address: string | undefined, value: TextPattern): Truth =>
  ofKnown(address, (text) => isInBlocks(text, [writtenIn(value)]));

const ofIdentity =
  (holds: (identity: string, value: TextPattern, context: ValueContext) => boolean): ValueTest =>
  (value, context) => {
    const { identity, isUnclear = false } = context.call.client;
    if (isUnclear) return 'unknown';
    return truthOf(identity !== undefined && holds(identity, value, context));
  };

const valueTests: Readonly<Record<Extract<AuthorizationAttribute, string>, ValueTest | undefined>> = {
  principal: ofIdentity((identity, value, { trustDomains }) => isPrincipal(identity, value, trustDomains)),
  namespace: ofIdentity(isInNamespace),
  'service-account': ofIdentity((identity, value) => isAccount(identity, writtenIn(value))),
  'peer-address': (value, { call }) => isIn(call.client.address, value),
  'client-address': (value, { call }) => isIn(call.client.originalAddress, value),
  'destination-address': (value, { call }) => isIn(call.destination.address, value),
  'destination-port': (value, { call }) =>
    ofKnown(call.destination.port?.toString(), (port) => port === writtenIn(value)),
  'server-name': (value, { call }) => ofKnown(call.serverName, (name) => matchesText(name, value)),
  'request-principal': (value, { call }) => principalMatches(call.http?.claims, value),
  /** Several are one text with commas: what is refused is not hidden by others. */
  host: (value, { call, isRefusal }) =>
    ofKnown(call.http?.host, (host) =>
      isRefusal
        ? host.split(',').some((one) => matchesHost(one.replace(/^[ \t]+|[ \t]+$/g, ''), value))
        : matchesHost(host, value),
    ),
  method: (value, { call }) => ofKnown(call.http?.method, (method) => matchesText(method, value)),
  path: (value, { call, isRefusal }) =>
    value.kind === 'present'
      ? 'yes'
      : ofKnown(call.http?.path, (path) => isPath(withoutQuery(path), value, isRefusal)),
};

const principalMatches = (claims: Claims | undefined, value: TextPattern): Truth => {
  const principal = requestPrincipalOf(claims);
  return truthOf(principal !== undefined && matchesText(principal, value));
};

const claimTest =
  (path: readonly string[]): ValueTest =>
  (value, { call }) =>
    truthOf(textsOfClaim(call.http?.claims, path).some((text) => matchesText(text, value)));

/** Dots that a `;` hides may lead elsewhere: they are refused with what is refused, and never let pass. */
function isPath(path: string, pattern: TextPattern, isRefusal: boolean): boolean {
  if (/\/\.\.?;/.test(path)) return isRefusal;
  return pattern.kind === 'template' ? fitsTemplate(path, pattern.value) : matchesText(path, pattern);
}

/** In policies this trust domain always means the mesh's own. */
const ownTrustDomain = 'cluster.local';
const scheme = 'spiffe://';

function isPrincipal(identity: string, pattern: TextPattern, trustDomains: readonly string[]): boolean {
  if (pattern.kind === 'present' || pattern.kind === 'suffix') return matchesText(identity, pattern);
  const { value } = pattern;
  const slash = value.indexOf('/');
  const written = value.slice(0, slash);
  const isOwn = slash >= 0 && (written === ownTrustDomain || trustDomains.includes(written));
  const values = isOwn ? trustDomains.map((name) => `${name}${value.slice(slash)}`) : [value];
  return values.some((each) => matchesText(identity, { ...pattern, value: `${scheme}${each}` }));
}

/** Written or changed by proxies on the way, in ways that a check does not follow. */
const isOfProxies = (name: string): boolean =>
  /^(x-envoy-.*|x-xebec-.*|x-forwarded-client-cert|x-forwarded-proto|x-request-id|forwarded)$/.test(name);

/** What HTTP/2 says as a field whose name begins with a colon; a request has each once. */
function pseudoHeader(name: string, { http }: CheckedCall): string | undefined {
  switch (name) {
    case ':method':
      return http?.method;
    case ':path':
      return http?.path;
    case ':authority':
      return http?.host;
    default:
      return undefined;
  }
}

/** Several values of one field are one text with commas. Where one of them refuses, the others do not hide it. */
const headerTest =
  (name: string): ValueTest =>
  (value, { call, isRefusal }) => {
    if (name.startsWith(':')) return ofKnown(pseudoHeader(name, call), (text) => matchesText(text, value));
    const values = call.http?.headers[name] ?? [];
    if (isOfProxies(name)) return 'unknown';
    if (values.length === 0) return 'no';
    if (value.kind === 'present') return 'yes';
    return truthOf((isRefusal ? listsText : matchesText)(values.join(','), value));
  };
