// Checks for services that have no proxy: filters of a listener that do nothing by themselves, and what routes tell them by where they lead.
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import {
  type Authorization,
  type AuthorizationProvider,
  type Host,
  isAskable,
  type MissingProvider,
  type OutsideChecks,
} from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { RBAC_Action } from '@xebec/protos/envoy/config/rbac/v3/rbac_pb';
import { RBACPerRouteSchema, RBACSchema } from '@xebec/protos/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { Fields } from '../resource.ts';
import { askAboutRequest, policiesByProvider } from './ask-provider.ts';
import { removesHeaders } from './header-removal.ts';
import { refusesAll, rulesFor } from './rules.ts';
import { customPrefix, outsidePrefix } from './verdict-names.ts';

/** By name, what a route or one of its destinations changes in the filters on its path. */
export type FilterOverrides = Readonly<Record<string, Any>>;

const markFilter = 'xebec.outside.mark';
const denyFilter = 'xebec.outside.deny';
const noteFilter = (provider: string): string => `xebec.outside.note.${provider}`;
const askFilter = (provider: string): string => `xebec.outside.ask.${provider}`;

type Provider = AuthorizationProvider | MissingProvider;

const filter = (name: string, config: Any): HttpFilter =>
  create(HttpFilterSchema, { name, configType: { case: 'typedConfig', value: config } });

/** It knows no rule unless a route has some. */
const idle = (name: string, shadowRulesStatPrefix = ''): HttpFilter =>
  filter(name, anyOf(RBACSchema, { shadowRulesStatPrefix }));

const perRoute = (rbac: Fields<typeof RBACSchema>): Any => anyOf(RBACPerRouteSchema, { rbac });

/** What the filters of one listener are for, whatever services its routes lead to. */
export interface OutsideNeeds {
  /** Who is asked, by name and in order. */
  readonly providers: readonly Provider[];
  /** Some rule is enforced without asking. */
  readonly isRefusing: boolean;
  /** Some rule takes headers away from answers. */
  readonly removesHeaders: boolean;
  /** Who is told of calls that are over, and of which headers. */
  readonly told?: {
    readonly provider: AuthorizationProvider;
    readonly request: readonly string[];
    readonly response: readonly string[];
  };
}

/** Undefined where nothing is needed. */
export function outsideNeeds(outside: readonly OutsideChecks[]): OutsideNeeds | undefined {
  return mergeNeeds(outside.map(({ authorization }) => needsOf(authorization)));
}

function needsOf(authorization: Authorization): OutsideNeeds {
  const [report] = authorization.filter(({ action }) => action === 'REPORT');
  const { provider, toldHeaders: { request = [], response = [] } = {} } = report ?? {};
  return {
    providers: policiesByProvider(authorization).map(([asked]) => asked),
    isRefusing: authorization.some(({ action }) => action === 'DENY'),
    removesHeaders: removesHeaders(authorization),
    ...(provider === undefined || !isAskable(provider) ? {} : { told: { provider, request, response } }),
  };
}

export function mergeNeeds(all: readonly OutsideNeeds[]): OutsideNeeds | undefined {
  if (all.length === 0) return undefined;
  const told = all.flatMap((each) => each.told ?? []);
  const [first] = told;
  const providers = new Map(all.flatMap((each) => each.providers).map((each) => [each.name, each]));
  return {
    providers: [...providers.values()].sort((left, right) => (left.name < right.name ? -1 : 1)),
    isRefusing: all.some(({ isRefusing }) => isRefusing),
    removesHeaders: all.some((each) => each.removesHeaders),
    ...(first === undefined
      ? {}
      : {
          told: {
            provider: first.provider,
            request: distinct(told.flatMap(({ request }) => request)),
            response: distinct(told.flatMap(({ response }) => response)),
          },
        }),
  };
}

const distinct = (names: readonly string[]): readonly string[] => [...new Set(names)].sort();

/** Of a listener whose routes lead to such services: who is called is noted down, then they are asked, then refuse. */
export function outsideFilters(needs: OutsideNeeds | undefined): readonly HttpFilter[] {
  if (needs === undefined) return [];
  const asking = needs.providers.flatMap((provider) => [
    idle(noteFilter(provider.name), customPrefix(provider.name)),
    ...(isAskable(provider) ? [{ ...askAboutRequest(provider), name: askFilter(provider.name) }] : []),
  ]);
  return [idle(markFilter, outsidePrefix), ...asking, ...(needs.isRefusing ? [idle(denyFilter)] : [])];
}

/** By host. */
export const outsideOverrides = (
  outside: readonly OutsideChecks[],
  trustDomains: readonly string[],
): ReadonlyMap<Host, FilterOverrides> =>
  new Map(outside.map((checks) => [checks.host, overridesOf(checks, trustDomains)]));

function overridesOf(checks: OutsideChecks, trustDomains: readonly string[]): FilterOverrides {
  const { authorization } = checks;
  const context = { trustDomains, protocol: 'http' } as const;
  const denied = rulesFor(authorization, 'DENY', context);
  const asked = policiesByProvider(authorization).flatMap(([provider, policies]) => {
    const rules = rulesFor(policies, 'CUSTOM', context);
    if (rules === undefined) return [];
    const rbac = isAskable(provider)
      ? { shadowRules: rules, shadowRulesStatPrefix: customPrefix(provider.name) }
      : { rules };
    return [[noteFilter(provider.name), perRoute(rbac)] as const];
  });
  return {
    [markFilter]: perRoute({ shadowRules: markOf(checks), shadowRulesStatPrefix: outsidePrefix }),
    ...Object.fromEntries(asked),
    ...(denied === undefined ? {} : { [denyFilter]: perRoute({ rules: denied }) }),
  };
}

/** A rule that matches everything; its name says which service is called, for who is asked and told. */
const markOf = ({ host, name, namespace, authorization }: OutsideChecks) => ({
  action: RBAC_Action.DENY,
  policies: { [`${isTold(authorization) ? 'told' : 'asked'} ${namespace} ${name} ${host}`]: refusesAll },
});

const isTold = (authorization: Authorization): boolean =>
  authorization.some(({ action }) => action === 'REPORT');
