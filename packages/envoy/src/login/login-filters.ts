// Has users of browsers log in before anything else is asked. Until the issuer and the secrets are known, only open paths are served.
import { create } from '@bufbuild/protobuf';
import type { BrowserLogin, LoginIssuer } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { RBAC_Action } from '@xebec/protos/envoy/config/rbac/v3/rbac_pb';
import type { HeaderMatcherSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import {
  OAuth2Config_AuthType as AuthType,
  CookieConfig_SameSite,
  type OAuth2ConfigSchema,
  OAuth2Schema,
} from '@xebec/protos/envoy/extensions/filters/http/oauth2/v3/oauth_pb';
import { RBACSchema } from '@xebec/protos/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { PathMatcherSchema } from '@xebec/protos/envoy/type/matcher/v3/path_pb';
import { adsSecret } from '../config-source.ts';
import { durationOf } from '../duration.ts';
import type { Fields } from '../resource.ts';
import { forHosts } from './for-hosts.ts';
import { openPathPattern } from './open-paths.ts';
import { tokenClusterName } from './token-cluster.ts';

/** Of requests: what the gateway itself has spoken, or what whoever stands before it says. */
export type LoginScheme = 'https' | 'as-forwarded';

/** For a chain that speaks HTTP. Each login is asked for its own hosts, the first one also for all others: nobody comes in by any name. */
export function loginFilters(logins: readonly BrowserLogin[], scheme: LoginScheme): readonly HttpFilter[] {
  const [first, ...others] = logins;
  if (first === undefined) return [];
  const hostsOfOthers = others.flatMap(({ hosts }) => hosts);
  const ofFirst = filterOf(first, scheme);
  return [
    others.length === 0 ? ofFirst : forHosts(ofFirst, { except: hostsOfOthers }),
    ...others.map((login) => forHosts(filterOf(login, scheme), { only: login.hosts })),
  ];
}

function filterOf(login: BrowserLogin, scheme: LoginScheme): HttpFilter {
  const { issuer } = login;
  const config =
    issuer === undefined
      ? { name: 'xebec.login_closed', config: anyOf(RBACSchema, closed(login)) }
      : { name: 'envoy.filters.http.oauth2', config: anyOf(OAuth2Schema, open(login, issuer, scheme)) };
  return create(HttpFilterSchema, {
    name: config.name,
    configType: { case: 'typedConfig', value: config.config },
  });
}

type HeaderMatcher = Fields<typeof HeaderMatcherSchema>;

const headerMatches = (name: string, pattern: string): HeaderMatcher => ({
  name,
  headerMatchSpecifier: {
    case: 'stringMatch',
    value: { matchPattern: { case: 'safeRegex', value: { regex: pattern } } },
  },
});

const openPaths = ({ passThroughPaths }: BrowserLogin): readonly HeaderMatcher[] =>
  passThroughPaths.map((path) => headerMatches(':path', openPathPattern(path)));

/** Nobody passes but on open paths: without such a path, nobody. */
function closed(login: BrowserLogin): Fields<typeof RBACSchema> {
  const permissions = openPaths(login).map((value) => ({ rule: { case: 'header' as const, value } }));
  const everybody = { identifier: { case: 'any' as const, value: true } };
  return {
    rules: {
      action: RBAC_Action.ALLOW,
      policies: permissions.length === 0 ? {} : { open: { permissions, principals: [everybody] } },
    },
  };
}

/** Bound to one host, whatever its neighbours set: browsers take cookies with this prefix from nobody else. */
const cookie = (name: string): string => `__Host-xebec-${name}`;
const cookieNames = {
  bearerToken: cookie('access'),
  oauthHmac: cookie('session'),
  oauthExpires: cookie('expires'),
  idToken: cookie('id'),
  refreshToken: cookie('refresh'),
  oauthNonce: cookie('nonce'),
  codeVerifier: cookie('verifier'),
};

/** Sent along when another site leads here, as the issuer does, but not when it asks by itself. */
const lax = { sameSite: CookieConfig_SameSite.LAX };
const cookieConfigs = {
  bearerTokenCookieConfig: lax,
  oauthHmacCookieConfig: lax,
  oauthExpiresCookieConfig: lax,
  idTokenCookieConfig: lax,
  refreshTokenCookieConfig: lax,
  oauthNonceCookieConfig: lax,
  codeVerifierCookieConfig: lax,
};

/** A script, an image or a socket cannot log in: it is told so (401) instead of being sent elsewhere. */
const noPages: readonly HeaderMatcher[] = [
  headerMatches('sec-fetch-mode', 'cors|no-cors|same-origin|websocket'),
  headerMatches('x-requested-with', '(?i)XMLHttpRequest'),
];

const exactPath = (exact: string): Fields<typeof PathMatcherSchema> => ({
  rule: { case: 'path', value: { matchPattern: { case: 'exact', value: exact } } },
});

const tokenTimeoutMs = 10_000;

function open(
  login: BrowserLogin,
  issuer: LoginIssuer,
  scheme: LoginScheme,
): { readonly config: Fields<typeof OAuth2ConfigSchema> } {
  const origin = `${scheme === 'https' ? 'https' : '%REQ(x-forwarded-proto)%'}://%REQ(:authority)%`;
  return {
    config: {
      authorizationEndpoint: issuer.authorization,
      tokenEndpoint: {
        uri: issuer.token,
        httpUpstreamType: { case: 'cluster', value: tokenClusterName(login) },
        timeout: durationOf(tokenTimeoutMs),
      },
      ...(issuer.endSession === undefined ? {} : { endSessionEndpoint: issuer.endSession }),
      credentials: {
        clientId: login.clientId,
        tokenSecret: adsSecret(login.secrets.client),
        tokenFormation: { case: 'hmacSecret', value: adsSecret(login.secrets.cookies) },
        cookieNames,
      },
      cookieConfigs,
      authType: issuer.clientAuthentication === 'basic' ? AuthType.BASIC_AUTH : AuthType.URL_ENCODED_BODY,
      authScopes: [...login.scopes],
      redirectUri: `${origin}${login.redirectPath}`,
      redirectPathMatcher: exactPath(login.redirectPath),
      signoutPath: exactPath(login.logoutPath),
      allowedRedirectDomains: [...login.hosts],
      forwardBearerToken: login.forwardsToken,
      // Services would find them in the cookies, decrypted.
      disableAccessTokenSetCookie: !login.forwardsToken,
      disableIdTokenSetCookie: !login.forwardsToken,
      useRefreshToken: true,
      passThroughMatcher: [...openPaths(login)],
      denyRedirectMatcher: [...noPages],
      statPrefix: 'login',
    },
  };
}
