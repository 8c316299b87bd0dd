// `envoy.service.rate_limit_quota.v3.RateLimitQuotaService`: proxies decide themselves with what they were assigned, and report what they used.
import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import {
  type BucketId,
  type RateLimitQuotaResponse,
  type RateLimitQuotaResponse_BucketAction,
  RateLimitQuotaResponse_BucketAction_QuotaAssignmentActionSchema,
  RateLimitQuotaResponse_BucketActionSchema,
  RateLimitQuotaResponseSchema,
  RateLimitQuotaService,
  type RateLimitQuotaUsageReports_BucketQuotaUsage,
  type RateLimitQuotaUsageReportsSchema,
} from '@xebec/protos/envoy/service/rate_limit_quota/v3/rlqs_pb';
import {
  RateLimitStrategy_BlanketRule as Blanket,
  type RateLimitStrategy,
  RateLimitStrategySchema,
} from '@xebec/protos/envoy/type/v3/ratelimit_strategy_pb';
import { TokenBucketSchema } from '@xebec/protos/envoy/type/v3/token_bucket_pb';
import { knowSide } from '../attributes/workload-attributes.ts';
import { type ProxySide, proxySideOf } from '../proxies/side.ts';
import { readTextAttributes } from '../proxies/text-attributes.ts';
import type { Gate } from '../rpc/gate.ts';
import { isRefusal, refusal } from '../rpc/refusal.ts';
import { type StreamHandler, streamMethod } from '../rpc/streams.ts';
import { protoDurationOfMs } from '../rpc/times.ts';
import type { Method } from '../rpc/unary.ts';
import { AssignedBucket, type Assignment, type AssignmentLimits, type Take } from './assignments.ts';

const door = 'rate-limit-quota';

/** Buckets of one stream. */
const mostBuckets = 4_096;

/** Envoy 1.40 reports every five seconds, whatever it is told: an assignment outlives one report that is late. */
const defaultAssignments: AssignmentLimits = { least: 1n, most: 1_000n, validMs: 12_000 };

/** The key of a bucket that names its quota; without it the stream's domain does. */
const quotaKey = 'quota';

export function rateLimitQuotaMethods(gate: Gate, open: Set<() => void>): readonly Method[] {
  const on = { door, callers: 'proxies', gate, open } as const;
  return [
    streamMethod(on, RateLimitQuotaService.method.streamRateLimitQuotas, ({ caller, metadata, send }) => {
      const side = proxySideOf(caller, metadata, gate.workloads);
      return isRefusal(side) ? side : followUsage(gate, side, send);
    }),
  ];
}

function followUsage(
  gate: Gate,
  side: ProxySide,
  send: (response: RateLimitQuotaResponse) => void,
): StreamHandler<typeof RateLimitQuotaUsageReportsSchema> {
  const buckets = new Map<string, AssignedBucket>();
  let domain = '';
  return {
    async take({ domain: said, bucketQuotaUsages }) {
      if (said !== '') domain = said;
      if (domain === '') return refusal(status.INVALID_ARGUMENT, 'the domain names a quota');
      const actions: RateLimitQuotaResponse_BucketAction[] = [];
      for (const usage of bucketQuotaUsages) {
        const id = usage.bucketId;
        if (id === undefined) return refusal(status.INVALID_ARGUMENT, 'a bucket has an id');
        const key = keyOf(id);
        const bucket =
          buckets.get(key) ?? new AssignedBucket(takerOf(gate, { side, domain, id }), defaultAssignments);
        if (!buckets.has(key) && buckets.size >= mostBuckets)
          return refusal(status.RESOURCE_EXHAUSTED, `more than ${mostBuckets} buckets`);
        buckets.set(key, bucket);
        actions.push(...actionsOf(id, await bucket.report(usageOf(usage))));
      }
      send(create(RateLimitQuotaResponseSchema, { bucketAction: actions }));
      return undefined;
    },
    async close() {
      await Promise.allSettled([...buckets.values()].map((bucket) => bucket.close()));
    },
  };
}

const keyOf = ({ bucket }: BucketId): string =>
  JSON.stringify(Object.entries(bucket).sort(([a], [b]) => (a < b ? -1 : 1)));

const usageOf = ({
  numRequestsAllowed,
  numRequestsDenied,
  timeElapsed,
}: RateLimitQuotaUsageReports_BucketQuotaUsage) => ({
  allowed: numRequestsAllowed,
  denied: numRequestsDenied,
  elapsedMs: Number(timeElapsed?.seconds ?? 0n) * 1_000 + (timeElapsed?.nanos ?? 0) / 1e6,
});

interface Taking {
  readonly side: ProxySide;
  readonly domain: string;
  readonly id: BucketId;
}

function takerOf(gate: Gate, { side, domain, id }: Taking): Take {
  const { [quotaKey]: quota = domain, ...entries } = id.bucket;
  return async (amount) => {
    const bag = gate.newBag(door);
    readTextAttributes(bag, gate.vocabulary(), Object.entries(entries));
    knowSide(bag, side.direction === 'inbound' ? 'destination' : 'source', side);
    const verdict = await gate
      .engine()
      .allocate(quota, { amount, isBestEffort: true, deduplicationId: '' }, bag.bag);
    if (amount > 0n) gate.metrics.countQuota(door, verdict.granted > 0n);
    return verdict.granted;
  };
}

/** No proxy fills its bucket by itself: one unit a day is as good as none. */
const fillInterval = protoDurationOfMs(86_400_000);

/**
 * Envoy gives a bucket of tokens that takes the place of another only the part that was left in that one. So the rule
 * that lets nothing through goes before it in the same answer, of which Envoy sees only the end: then it is full.
 */
export function actionsOf(
  bucketId: BucketId,
  { units, validMs }: Assignment,
): readonly RateLimitQuotaResponse_BucketAction[] {
  const nothing = actionOf(bucketId, validMs, { case: 'blanketRule', value: Blanket.DENY_ALL });
  if (units === 0n) return [nothing];
  const value = create(TokenBucketSchema, { maxTokens: Number(units), tokensPerFill: 1, fillInterval });
  return [nothing, actionOf(bucketId, validMs, { case: 'tokenBucket', value })];
}

function actionOf(
  bucketId: BucketId,
  validMs: number,
  strategy: RateLimitStrategy['strategy'],
): RateLimitQuotaResponse_BucketAction {
  return create(RateLimitQuotaResponse_BucketActionSchema, {
    bucketId,
    bucketAction: {
      case: 'quotaAssignmentAction',
      value: create(RateLimitQuotaResponse_BucketAction_QuotaAssignmentActionSchema, {
        assignmentTimeToLive: protoDurationOfMs(validMs),
        rateLimitStrategy: create(RateLimitStrategySchema, { strategy }),
      }),
    },
  });
}
