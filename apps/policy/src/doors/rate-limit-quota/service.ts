// `envoy.service.rate_limit_quota.v3.RateLimitQuotaService`: proxies decide themselves with what they were assigned, and report what they used.
import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import {
  type BucketId,
  type RateLimitQuotaResponse,
  type RateLimitQuotaResponse_BucketAction,
  RateLimitQuotaResponse_BucketAction_AbandonActionSchema,
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
import type { ProxySide } from '../proxies/side.ts';
import { proxySideOf } from '../proxies/side.ts';
import type { Gate } from '../rpc/gate.ts';
import { isRefusal, type Refusal, refusal } from '../rpc/refusal.ts';
import { type StreamHandler, streamMethod } from '../rpc/streams.ts';
import { protoDurationOfMs } from '../rpc/times.ts';
import type { Method } from '../rpc/unary.ts';
import { AssignedBucket, type Assignment } from './assignments.ts';
import { bucketTerms, unlessForeign } from './bucket-terms.ts';

const door = 'rate-limit-quota';

/** Buckets of one stream; of more the proxy is told to forget, so that the others go on. */
const mostBuckets = 4_096;

/** Envoy 1.40 reports every five seconds, whatever it is told: an assignment outlives one report that is late. */
const reportMs = 5_000;
const assignmentMs = 12_000;

/** Between two reports; more is no number of requests, and no product with a charge overflows. */
const mostRequests = 2n ** 40n;

/** After so many reports without a request a proxy forgets a bucket, if it may fill it anew without refusing anybody. */
const mostIdleReports = 12;

export function rateLimitQuotaMethods(gate: Gate, open: Set<() => void>): readonly Method[] {
  const on = { door, callers: 'proxies', gate, open } as const;
  return [
    streamMethod(on, RateLimitQuotaService.method.streamRateLimitQuotas, ({ caller, metadata, send }) => {
      const side = proxySideOf(caller, metadata, gate.workloads);
      return isRefusal(side) ? side : followUsage(gate, side, send);
    }),
  ];
}

type Send = (response: RateLimitQuotaResponse) => void;

function followUsage(
  gate: Gate,
  side: ProxySide,
  send: Send,
): StreamHandler<typeof RateLimitQuotaUsageReportsSchema> {
  const buckets = new ProxyBuckets(gate, side, send);
  let domain = '';
  return {
    async take({ domain: said, bucketQuotaUsages }) {
      if (said !== '') domain = said;
      if (domain === '') return refusal(status.INVALID_ARGUMENT, 'the domain names a quota');
      return await buckets.report(domain, bucketQuotaUsages);
    },
    close: () => buckets.close(),
  };
}

interface Followed {
  readonly id: BucketId;
  readonly bucket: AssignedBucket;
  renewal?: NodeJS.Timeout;
}

/** The buckets of one stream, one step after the other. */
class ProxyBuckets {
  readonly #gate: Gate;
  readonly #side: ProxySide;
  readonly #send: Send;
  readonly #followed = new Map<string, Followed>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(gate: Gate, side: ProxySide, send: Send) {
    this.#gate = gate;
    this.#side = side;
    this.#send = send;
  }

  report(
    domain: string,
    usages: readonly RateLimitQuotaUsageReports_BucketQuotaUsage[],
  ): Promise<Refusal | undefined> {
    return this.#next(async () => {
      const actions: RateLimitQuotaResponse_BucketAction[] = [];
      for (const usage of usages) {
        if (usage.numRequestsAllowed > mostRequests || usage.numRequestsDenied > mostRequests)
          return refusal(status.INVALID_ARGUMENT, 'nobody had so many requests');
        const id = usage.bucketId;
        if (id === undefined) return refusal(status.INVALID_ARGUMENT, 'a bucket has an id');
        const followed = this.#follow(domain, id);
        actions.push(
          ...(followed === undefined ? [abandonmentOf(id)] : await this.#account(followed, usage)),
        );
      }
      this.#send(create(RateLimitQuotaResponseSchema, { bucketAction: actions }));
      return undefined;
    });
  }

  close(): Promise<void> {
    return this.#next(async () => {
      const all = [...this.#followed.values()];
      this.#followed.clear();
      for (const { renewal } of all) clearTimeout(renewal);
      await Promise.allSettled(all.map(({ bucket }) => bucket.close()));
    });
  }

  #next<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#last.then(step);
    this.#last = done.catch(() => undefined);
    return done;
  }

  #follow(domain: string, id: BucketId): Followed | undefined {
    const known = this.#followed.get(keyOf(id));
    if (known !== undefined) return known;
    if (this.#followed.size >= mostBuckets) return undefined;
    const { charge, take } = bucketTerms(this.#gate, { side: this.#side, domain, id });
    const limits = { charge, validMs: assignmentMs, reportMs, now: this.#gate.now };
    const followed: Followed = { id, bucket: new AssignedBucket(take, limits) };
    this.#followed.set(keyOf(id), followed);
    return followed;
  }

  /** A bucket that is none of the proxy's, or that it does not use, it forgets. */
  async #account(
    followed: Followed,
    usage: RateLimitQuotaUsageReports_BucketQuotaUsage,
  ): Promise<readonly RateLimitQuotaResponse_BucketAction[]> {
    const { id, bucket } = followed;
    const { numRequestsAllowed: allowed, numRequestsDenied: denied } = usage;
    const assignment = await bucket.report({ allowed, denied }).catch(unlessForeign);
    const isIdle = bucket.idleReports >= mostIdleReports && this.#side.failurePolicy === 'open';
    if (assignment !== undefined && !isIdle) return this.#assigned(followed, assignment);
    this.#followed.delete(keyOf(id));
    clearTimeout(followed.renewal);
    if (assignment !== undefined) await bucket.close();
    return [abandonmentOf(id)];
  }

  #assigned(followed: Followed, assignment: Assignment): readonly RateLimitQuotaResponse_BucketAction[] {
    const { renewMs } = assignment;
    clearTimeout(followed.renewal);
    if (renewMs !== undefined) {
      followed.renewal = setTimeout(() => void this.#renew(followed).catch(() => undefined), renewMs);
    }
    return actionsOf(followed.id, assignment);
  }

  /** Parts of the next window are there when it begins. */
  #renew(followed: Followed): Promise<void> {
    return this.#next(async () => {
      if (!this.#followed.has(keyOf(followed.id))) return;
      const bucketAction = [...this.#assigned(followed, await followed.bucket.renew())];
      this.#send(create(RateLimitQuotaResponseSchema, { bucketAction }));
    });
  }
}

const keyOf = ({ bucket }: BucketId): string =>
  JSON.stringify(Object.entries(bucket).sort(([a], [b]) => (a < b ? -1 : 1)));

/** What Envoy's field holds. */
const mostTokens = 2n ** 32n - 1n;
const least = (one: bigint, other: bigint): bigint => (one < other ? one : other);

/** No proxy fills its bucket by itself: one unit a day is as good as none. */
const fillInterval = protoDurationOfMs(86_400_000);

/**
 * Envoy gives a bucket of tokens that takes the place of another only the part that was left in that one. So the rule
 * that lets nothing through goes before it in the same answer, of which Envoy sees only the end: then it is full.
 */
export function actionsOf(
  bucketId: BucketId,
  { requests, validMs }: Assignment,
): readonly RateLimitQuotaResponse_BucketAction[] {
  const nothing = actionOf(bucketId, validMs, { case: 'blanketRule', value: Blanket.DENY_ALL });
  if (requests === 0n) return [nothing];
  const value = create(TokenBucketSchema, {
    maxTokens: Number(least(requests, mostTokens)),
    tokensPerFill: 1,
    fillInterval,
  });
  return [nothing, actionOf(bucketId, validMs, { case: 'tokenBucket', value })];
}

const abandonmentOf = (bucketId: BucketId): RateLimitQuotaResponse_BucketAction =>
  create(RateLimitQuotaResponse_BucketActionSchema, {
    bucketId,
    bucketAction: {
      case: 'abandonAction',
      value: create(RateLimitQuotaResponse_BucketAction_AbandonActionSchema, {}),
    },
  });

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
