// One test of a policy as Envoy's RBAC makes it: about the client (a principal) or about what it wants (a permission).
import type {
  AuthorizationAction,
  AuthorizationAttribute,
  AuthorizationTest,
  TextPattern,
} from '@xebec/model';
import type { PermissionSchema, PrincipalSchema } from '@xebec/protos/envoy/config/rbac/v3/rbac_pb';
import { assert } from '@xebec/std';
import type { Fields } from '../resource.ts';
import { fieldTest, permittingHeader, refusingHeader } from './header-tests.ts';
import {
  hiddenDots,
  hostMatcher,
  namespaceMatcher,
  pathMatcher,
  type StringMatcher,
  serviceAccountMatcher,
  textMatcher,
} from './patterns.ts';
import { claimPrincipal, requestPrincipal } from './token-tests.ts';

export type Principal = Fields<typeof PrincipalSchema>;
export type Permission = Fields<typeof PermissionSchema>;

export const anyPrincipal: Principal = { identifier: { case: 'any', value: true } };
export const anyPermission: Permission = { rule: { case: 'any', value: true } };

/** Attributes that only HTTP has. */
export const needsHttp = ({ attribute }: AuthorizationTest): boolean =>
  typeof attribute === 'object' ||
  attribute === 'host' ||
  attribute === 'method' ||
  attribute === 'path' ||
  attribute === 'request-principal';

export const isAboutClient = ({ attribute }: AuthorizationTest): boolean =>
  (typeof attribute === 'object' && 'claim' in attribute) ||
  attribute === 'request-principal' ||
  attribute === 'principal' ||
  attribute === 'namespace' ||
  attribute === 'service-account' ||
  attribute === 'peer-address' ||
  attribute === 'client-address';

/** In policies this trust domain always means the mesh's own. */
const ownTrustDomain = 'cluster.local';

/** A name of the mesh's trust domain stands for all of its names. */
function principalPatterns(pattern: TextPattern, trustDomains: readonly string[]): readonly TextPattern[] {
  if (pattern.kind === 'present' || pattern.kind === 'suffix') return [pattern];
  const slash = pattern.value.indexOf('/');
  const written = pattern.value.slice(0, slash);
  if (slash < 0 || (written !== ownTrustDomain && !trustDomains.includes(written))) return [pattern];
  return trustDomains.map((name) => ({ ...pattern, value: `${name}${pattern.value.slice(slash)}` }));
}

const authenticated = (
  principalName: NonNullable<
    Extract<Principal['identifier'], { case: 'authenticated' }>
  >['value']['principalName'],
): Principal =>
  principalName === undefined
    ? anyPrincipal
    : { identifier: { case: 'authenticated', value: { principalName } } };

/** `10.0.0.0/8`, or one address. */
export function cidrRange(written: string): { readonly addressPrefix: string; readonly prefixLen: number } {
  const [address = '', bits] = written.split('/');
  const whole = address.includes(':') ? 128 : 32;
  return { addressPrefix: address, prefixLen: bits === undefined ? whole : Number(bits) };
}

const writtenIn = (pattern: TextPattern): string => (pattern.kind === 'present' ? '' : pattern.value);

function principalFor(test: AuthorizationTest, value: TextPattern): Principal {
  const { attribute } = test;
  if (typeof attribute === 'object') {
    assert('claim' in attribute, 'what a header says is no fact about the client');
    return claimPrincipal(attribute.claim, value);
  }
  switch (attribute) {
    case 'request-principal':
      return requestPrincipal(value);
    case 'principal':
      return authenticated(textMatcher(value, 'spiffe://'));
    case 'namespace':
      return authenticated(namespaceMatcher(value));
    case 'service-account':
      return authenticated(serviceAccountMatcher(writtenIn(value)));
    case 'peer-address':
      return { identifier: { case: 'directRemoteIp', value: cidrRange(writtenIn(value)) } };
    default:
      return { identifier: { case: 'remoteIp', value: cidrRange(writtenIn(value)) } };
  }
}

/** A test about the client. */
export function principalOf(test: AuthorizationTest, trustDomains: readonly string[]): Principal {
  const values =
    test.attribute === 'principal'
      ? test.values.flatMap((value) => principalPatterns(value, trustDomains))
      : test.values;
  const ids = values.map((value) => principalFor(test, value));
  const either: Principal = { identifier: { case: 'orIds', value: { ids } } };
  return test.isNegated ? { identifier: { case: 'notId', value: either } } : either;
}

type NamedAttribute = Extract<AuthorizationAttribute, string>;

const hostTest = (value: TextPattern, isRefusal: boolean): Permission => ({
  rule: {
    case: 'header',
    value: {
      name: ':authority',
      headerMatchSpecifier: { case: 'stringMatch', value: hostMatcher(value, isRefusal) },
    },
  },
});

const pathMatching = (path: StringMatcher): Permission => ({
  rule: { case: 'urlPath', value: { rule: { case: 'path', value: path } } },
});

/**
 * A path with dots that a `;` hides may be another one to whoever it goes on to: it is among those that are refused, and
 * not among those that are let pass. Envoy resolves them only where they are written plainly.
 */
function pathTest(values: readonly TextPattern[], isRefusal: boolean): Permission {
  const either: Permission[] = values.map((each) =>
    each.kind === 'present' ? anyPermission : pathMatching(pathMatcher(each)),
  );
  const any: Permission = { rule: { case: 'orRules', value: { rules: either } } };
  if (values.some(({ kind }) => kind === 'present')) return any;
  const hidden = pathMatching(hiddenDots);
  if (isRefusal) return { rule: { case: 'orRules', value: { rules: [...either, hidden] } } };
  const open: Permission = { rule: { case: 'notRule', value: hidden } };
  return { rule: { case: 'andRules', value: { rules: [any, open] } } };
}

function permissionFor(attribute: NamedAttribute, value: TextPattern, isRefusal: boolean): Permission {
  switch (attribute) {
    case 'host':
      return hostTest(value, isRefusal);
    case 'method':
      return fieldTest(':method', value);
    case 'server-name':
      return { rule: { case: 'requestedServerName', value: textMatcher(value) } };
    case 'destination-port':
      return { rule: { case: 'destinationPort', value: Number(writtenIn(value)) } };
    default:
      return { rule: { case: 'destinationIp', value: cidrRange(writtenIn(value)) } };
  }
}

/** A test about what the client wants. */
export function permissionOf(test: AuthorizationTest, action: AuthorizationAction): Permission {
  const { attribute, values, isNegated } = test;
  const isRefusal = (action !== 'ALLOW') !== isNegated;
  const permission = (): Permission => {
    if (typeof attribute === 'object' && 'header' in attribute)
      return (isRefusal ? refusingHeader : permittingHeader)(attribute.header, values);
    if (attribute === 'path') return pathTest(values, isRefusal);
    assert(typeof attribute === 'string', 'claims are facts about the client');
    return {
      rule: {
        case: 'orRules',
        value: { rules: values.map((each) => permissionFor(attribute, each, isRefusal)) },
      },
    };
  };
  return isNegated ? { rule: { case: 'notRule', value: permission() } } : permission();
}
