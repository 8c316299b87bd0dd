// What verifies end users' tokens. A rule without keys accepts none of its issuer's tokens: there is no key to fall back to.
import { create } from '@bufbuild/protobuf';
import type { Authentication, TokenRule } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import {
  JwtAuthenticationSchema,
  type JwtProviderSchema,
  type JwtRequirementSchema,
} from '@xebec/protos/envoy/extensions/filters/http/jwt_authn/v3/config_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { durationOf } from '../duration.ts';
import type { Fields } from '../resource.ts';
import { claimsKey, tokenFilter } from './token-metadata.ts';
import { groupByPlace } from './token-places.ts';

type Provider = Fields<typeof JwtProviderSchema>;
type Requirement = Fields<typeof JwtRequirementSchema>;

interface Options {
  /** Routes look at claims there: a route is chosen again once they are known. */
  readonly isGateway?: boolean;
}

/** For a chain that speaks HTTP. None where nobody's tokens are believed. */
export function tokenFilters(authentication: Authentication, options: Options = {}): readonly HttpFilter[] {
  if (authentication.length === 0) return [];
  const groups = groupByPlace(authentication).map(acceptableOrMissing);
  const [only] = groups;
  const config = anyOf(JwtAuthenticationSchema, {
    providers: Object.fromEntries(authentication.map((rule) => [nameOf(rule), providerOf(rule, options)])),
    rules: [
      {
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        requirementType: {
          case: 'requires',
          value:
            only !== undefined && groups.length === 1
              ? only
              : { requiresType: { case: 'requiresAll', value: { requirements: groups } } },
        },
      },
    ],
  });
  return [
    create(HttpFilterSchema, { name: tokenFilter, configType: { case: 'typedConfig', value: config } }),
  ];
}

/** There is no token in these places, or one that a rule accepts. */
function acceptableOrMissing(rules: readonly TokenRule[]): Requirement {
  const requirements: Requirement[] = [
    ...rules.map((rule): Requirement => ({ requiresType: { case: 'providerName', value: nameOf(rule) } })),
    { requiresType: { case: 'allowMissing', value: {} } },
  ];
  return { requiresType: { case: 'requiresAny', value: { requirements } } };
}

/** `RequestAuthentication/NAMESPACE/NAME#spec.jwtRules[0]`. */
const nameOf = ({ cause: { object, field } }: TokenRule): string => `${object}#${field}`;

function providerOf(rule: TokenRule, { isGateway = false }: Options): Provider {
  return {
    issuer: rule.issuer,
    audiences: [...rule.audiences],
    jwksSourceSpecifier: keysOf(rule),
    forward: rule.forwardsToken,
    fromHeaders: rule.fromHeaders.map(({ name, prefix }) => ({ name, valuePrefix: prefix })),
    fromParams: [...rule.fromParams],
    fromCookies: [...rule.fromCookies],
    ...(rule.payloadHeader === undefined ? {} : { forwardPayloadHeader: rule.payloadHeader }),
    claimToHeaders: rule.claimHeaders.map(({ header, claim }) => ({ headerName: header, claimName: claim })),
    payloadInMetadata: claimsKey,
    ...(rule.spaceDelimitedClaims.length === 0
      ? {}
      : { normalizePayloadInMetadata: { spaceDelimitedClaims: [...rule.spaceDelimitedClaims] } }),
    ...(isGateway ? { clearRouteCache: true } : {}),
  };
}

/** Proxies refuse a set without keys. This cluster never exists: to them these are keys that cannot be had. */
const nowhere = { uri: 'http://no-keys.invalid/', cluster: 'no-keys' };

function keysOf({ keySet }: TokenRule): NonNullable<Provider['jwksSourceSpecifier']> {
  if (keySet !== undefined)
    return { case: 'localJwks', value: { specifier: { case: 'inlineString', value: keySet } } };
  const httpUri = {
    uri: nowhere.uri,
    httpUpstreamType: { case: 'cluster' as const, value: nowhere.cluster },
    timeout: durationOf(1_000),
  };
  return { case: 'remoteJwks', value: { httpUri } };
}
