// rate_limit_quota: the proxy counts requests against parts of a quota that the policy service assigns it. Rule: until a part is assigned, and when none comes any more, it fails as the rule says; no bucket is named by what a request says.
import { create } from '@bufbuild/protobuf';
import type { AssignedQuota, AuthorizationProvider } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import type { TypedExtensionConfigSchema } from '@xebec/protos/envoy/config/core/v3/extension_pb';
import {
  RateLimitQuotaBucketSettingsSchema,
  RateLimitQuotaFilterConfigSchema,
  type RateLimitQuotaBucketSettings_BucketIdBuilder_ValueBuilderSchema as ValueSchema,
} from '@xebec/protos/envoy/extensions/filters/http/rate_limit_quota/v3/rate_limit_quota_pb';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { DynamicMetadataInputSchema } from '@xebec/protos/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb';
import { UriSanInputSchema } from '@xebec/protos/envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs_pb';
import { MetadataSchema } from '@xebec/protos/envoy/extensions/matching/input_matchers/metadata/v3/metadata_pb';
import {
  RateLimitStrategy_BlanketRule as Blanket,
  type RateLimitStrategySchema,
} from '@xebec/protos/envoy/type/v3/ratelimit_strategy_pb';
import type {
  Matcher_OnMatchSchema as OnMatchSchema,
  Matcher_MatcherList_PredicateSchema as PredicateSchema,
} from '@xebec/protos/xds/type/matcher/v3/matcher_pb';
import { grpcServiceOf } from '../authorization/ask-provider.ts';
import { httpRbacNamespace } from '../authorization/verdict-names.ts';
import { durationOf } from '../duration.ts';
import type { Fields } from '../resource.ts';

export interface QuotaBucket {
  readonly quota: AssignedQuota;
  readonly provider: AuthorizationProvider;
  /** With what the metadata begins that says whether a request takes from it; absent: every request does. */
  readonly takenPrefix?: string;
}

/** Envoy 1.40 reports every five seconds, whatever is written here. */
const reportMs = 5_000;
/** How long it fails as the rule says before it does so as if no part had ever been assigned: which is the same. */
const fallbackMs = 3_600_000;

export const countRequest = (bucket: QuotaBucket): HttpFilter =>
  create(HttpFilterSchema, {
    name: 'envoy.filters.http.rate_limit_quota',
    configType: {
      case: 'typedConfig',
      value: anyOf(RateLimitQuotaFilterConfigSchema, {
        rlqsServer: grpcServiceOf(bucket.provider),
        // Filters of one domain share a stream, with what the first of them says of itself: which quota a bucket is of, the bucket says.
        domain: bucket.provider.name,
        bucketMatchers: matcherOf(bucket),
      }),
    },
  });

type MatcherFields = NonNullable<Fields<typeof RateLimitQuotaFilterConfigSchema>['bucketMatchers']>;

/** Who has not proven an identity shares a bucket with all who have not. */
function matcherOf(bucket: QuotaBucket): MatcherFields {
  const taken = bucket.takenPrefix === undefined ? [] : [isTaken(bucket.takenPrefix)];
  const anybody = onMatch(bucket, false);
  const matchers = [
    ...(bucket.quota.countsCallers ? [match([...taken, hasIdentity], onMatch(bucket, true))] : []),
    ...(taken.length === 0 ? [] : [match(taken, anybody)]),
  ];
  return {
    ...(matchers.length === 0 ? {} : { matcherType: { case: 'matcherList', value: { matchers } } }),
    ...(taken.length === 0 ? { onNoMatch: anybody } : {}),
  };
}

type Predicate = Fields<typeof PredicateSchema>;
type OnMatch = Fields<typeof OnMatchSchema>;

function match(predicates: readonly Predicate[], on: OnMatch) {
  const [only, ...others] = predicates;
  const all: Predicate = { matchType: { case: 'andMatcher', value: { predicate: [...predicates] } } };
  return { predicate: only !== undefined && others.length === 0 ? only : all, onMatch: on };
}

type Extension = Fields<typeof TypedExtensionConfigSchema>;

const identity: Extension = { name: 'identity', typedConfig: anyOf(UriSanInputSchema, {}) };

const hasIdentity: Predicate = {
  matchType: {
    case: 'singlePredicate',
    value: {
      input: identity,
      matcher: { case: 'valueMatch', value: { matchPattern: { case: 'prefix', value: 'spiffe://' } } },
    },
  },
};

const isTaken = (prefix: string): Predicate => ({
  matchType: {
    case: 'singlePredicate',
    value: {
      input: {
        name: 'rules',
        typedConfig: anyOf(DynamicMetadataInputSchema, {
          filter: httpRbacNamespace,
          path: [{ segment: { case: 'key', value: `${prefix}shadow_effective_policy_id` } }],
        }),
      },
      matcher: {
        case: 'customMatch',
        value: {
          name: 'rules',
          typedConfig: anyOf(MetadataSchema, {
            value: { matchPattern: { case: 'presentMatch', value: true } },
          }),
        },
      },
    },
  },
});

type BucketValue = Fields<typeof ValueSchema>;

const constant = (value: string): BucketValue => ({ valueSpecifier: { case: 'stringValue', value } });

function onMatch({ quota, provider: { failOpen } }: QuotaBucket, isOneCaller: boolean): OnMatch {
  const failing = strategy(failOpen ? Blanket.ALLOW_ALL : Blanket.DENY_ALL);
  const settings = anyOf(RateLimitQuotaBucketSettingsSchema, {
    bucketIdBuilder: {
      bucketIdBuilder: {
        quota: constant(quota.name),
        ...(quota.charge === 1 ? {} : { charge: constant(String(quota.charge)) }),
        ...(isOneCaller
          ? { 'source.principal': { valueSpecifier: { case: 'customValue', value: identity } } }
          : {}),
      },
    },
    reportingInterval: durationOf(reportMs),
    noAssignmentBehavior: { noAssignmentBehavior: { case: 'fallbackRateLimit', value: failing } },
    expiredAssignmentBehavior: {
      expiredAssignmentBehaviorTimeout: durationOf(fallbackMs),
      expiredAssignmentBehavior: { case: 'fallbackRateLimit', value: failing },
    },
    denyResponseSettings: denialOf(quota),
  });
  return { onMatch: { case: 'action', value: { name: 'bucket', typedConfig: settings } } };
}

const strategy = (value: Blanket): Fields<typeof RateLimitStrategySchema> => ({
  strategy: { case: 'blanketRule', value },
});

const resourceExhausted = 8;

/** Envoy takes the message of the gRPC status for the body of other answers, too. */
function denialOf({ text, limit }: AssignedQuota) {
  const headers = [
    ['retry-after', String(reportMs / 1_000)],
    ...(limit === undefined ? [] : [['x-ratelimit-limit', limit]]),
    ['x-ratelimit-remaining', '0'],
  ];
  return {
    grpcStatus: { code: resourceExhausted, message: text },
    responseHeadersToAdd: headers.map(([key = '', value = '']) => ({ header: { key, value } })),
  };
}
