// `envoy.service.rate_limit_quota.v3.RateLimitQuotaService`: proxies decide themselves with what they were assigned, and report what they used.
import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import {
  type BucketId,
  type RateLimitQuotaResponse,
  type RateLimitQuotaResponse_BucketAction,
  RateLimitQuotaResponse_BucketActionSchema,
  RateLimitQuotaResponseSchema,
  RateLimitQuotaService,
  type RateLimitQuotaUsageReports_BucketQuotaUsage,
  type RateLimitQuotaUsageReportsSchema,
} from '@xebec/protos/envoy/service/rate_limit_quota/v3/rlqs_pb';
import {
  RateLimitStrategy_BlanketRule as Blanket,
  RateLimitStrategySchema,
} from '@xebec/protos/envoy/type/v3/ratelimit_strategy_pb';
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

const defaultAssignments: AssignmentLimits = { least: 1n, most: 1_000n, validMs: 5_000 };

/** The key of a bucket that names its quota; without it the stream's domain does. */
export const quotaKey = 'quota';

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
        actions.push(actionOf(id, await bucket.report(usageOf(usage))));
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
    return { granted: verdict.granted, resetMs: verdict.resetMs ?? 1_000 };
  };
}

/** No proxy fills its bucket by itself: one unit a day is as good as none. */
const dayMs = 86_400_000;
const mostGenerations = 1_000;

export function actionOf(
  bucketId: BucketId,
  { units, validMs, generation }: Assignment,
): RateLimitQuotaResponse_BucketAction {
  const strategy =
    units === 0n
      ? ({ case: 'blanketRule', value: Blanket.DENY_ALL } as const)
      : ({ case: 'tokenBucket', value: tokens(units, generation) } as const);
  return create(RateLimitQuotaResponse_BucketActionSchema, {
    bucketId,
    bucketAction: {
      case: 'quotaAssignmentAction',
      value: {
        $typeName:
          'envoy.service.rate_limit_quota.v3.RateLimitQuotaResponse.BucketAction.QuotaAssignmentAction',
        assignmentTimeToLive: protoDurationOfMs(validMs),
        rateLimitStrategy: create(RateLimitStrategySchema, { strategy }),
      },
    },
  });
}

const tokens = (units: bigint, generation: number) => ({
  $typeName: 'envoy.type.v3.TokenBucket' as const,
  maxTokens: Number(units),
  tokensPerFill: 1,
  fillInterval: protoDurationOfMs(dayMs + (generation % mostGenerations)),
});
