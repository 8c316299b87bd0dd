import { create, fromBinary } from '@bufbuild/protobuf';
import { type Authorization, isAskable } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { RBACPerRouteSchema, RBACSchema } from '@xebec/protos/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { httpAuthorization } from '../../../../packages/envoy/src/authorization/filters.ts';
import {
  auditPrefix,
  customPrefix,
  dryRunPrefixes,
} from '../../../../packages/envoy/src/authorization/verdict-names.ts';
import { trustDomain } from './words.ts';

/** In the order of real ones. Those of a case take their places; what a case has not is without rules. */
const filterNames = ['audit', 'asked', 'refuse', 'deny', 'allow'] as const;
type Place = (typeof filterNames)[number];

const placeOf = ({ action, provider }: Authorization[number]): Place => {
  if (action === 'CUSTOM') return provider !== undefined && isAskable(provider) ? 'asked' : 'refuse';
  return action === 'AUDIT' ? 'audit' : action === 'DENY' ? 'deny' : 'allow';
};

function rbacOf({ configType }: HttpFilter) {
  if (configType.case !== 'typedConfig') throw new Error('the filter has no configuration');
  return fromBinary(RBACSchema, configType.value.value);
}

const filtersAt = (authorization: Authorization, place: Place): readonly HttpFilter[] =>
  httpAuthorization(
    authorization.filter((policy) => placeOf(policy) === place),
    [trustDomain],
  );

/** The filters of one case, in the place of filters without rules. */
export const overridesOf = (authorization: Authorization) =>
  Object.fromEntries(
    filterNames.flatMap((place) => {
      const [filter] = filtersAt(authorization, place);
      return filter === undefined ? [] : [[place, anyOf(RBACPerRouteSchema, { rbac: rbacOf(filter) })]];
    }),
  );

const withoutRules = (name: Place): HttpFilter =>
  create(HttpFilterSchema, {
    name,
    configType: {
      case: 'typedConfig',
      value: anyOf(RBACSchema, { shadowRulesStatPrefix: prefixes[name] ?? '' }),
    },
  });

/** What notes are kept under is decided by the filter, not by the route that overrides its rules. */
const prefixes: Readonly<Partial<Record<Place, string>>> = {
  audit: auditPrefix,
  asked: customPrefix('judge'),
  deny: dryRunPrefixes.DENY,
  allow: dryRunPrefixes.ALLOW,
};

/** Who is asked is the same for all cases. */
function askingFilter(cases: readonly Authorization[]): readonly HttpFilter[] {
  for (const authorization of cases) {
    const [, asking] = filtersAt(authorization, 'asked');
    if (asking !== undefined) return [asking];
  }
  return [];
}

export const allFilters = (cases: readonly Authorization[]): readonly HttpFilter[] =>
  filterNames.flatMap((name) => [withoutRules(name), ...(name === 'asked' ? askingFilter(cases) : [])]);
