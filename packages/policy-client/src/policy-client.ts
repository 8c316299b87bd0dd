// Asks the policy service, and keeps what it says as long as it says. The rule: without an answer the caller's own choice decides, and it is told so.
import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import {
  AllocateQuotaRequestSchema,
  type Attributes,
  CheckRequestSchema,
  type CheckResponse,
  InspectQuotaRequestSchema,
  Policy,
  type QuotaResult,
  ReleaseQuotaRequestSchema,
} from '@xebec/protos/xebec/policy/v1/policy_pb';
import { type AttributesInput, writeAttributes } from './attributes.ts';
import { type CallResult, type Connection, type ConnectionOptions, openConnection } from './connection.ts';
import { DecisionCache } from './decisions.ts';
import { PrefetchedQuota, type PrefetchLimits } from './prefetched-quota.ts';
import { type ReportCounts, type ReportLimits, ReportQueue } from './report-queue.ts';

/** What a check is answered when the service gives no answer. */
export type WhenUnavailable = 'allow' | 'refuse';

export interface PolicyClientOptions extends Omit<ConnectionOptions, 'timeoutMs'> {
  /** Milliseconds for one call; 2,000 where absent. */
  readonly timeoutMs?: number;
  /** `refuse` where absent. */
  readonly whenUnavailable?: WhenUnavailable;
  /** Decisions kept at most; 10,000 where absent. */
  readonly cachedDecisions?: number;
  readonly prefetch?: Partial<PrefetchLimits>;
  readonly reports?: Partial<ReportLimits>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface QuotaInput {
  readonly amount: bigint | number;
  /** As much as there is instead of all or nothing. */
  readonly isBestEffort?: boolean;
  /** Take more than needed beforehand, so that the next calls ask nobody. For many small amounts. */
  readonly isPrefetched?: boolean;
}

export interface CheckOptions {
  readonly quotas?: Readonly<Record<string, QuotaInput>>;
  /** The same for all tries of one call: quota is taken once. */
  readonly deduplicationId?: string;
  readonly whenUnavailable?: WhenUnavailable;
}

export interface CheckResult {
  /** The check passed, and all quota that was asked for is granted. */
  readonly isAllowed: boolean;
  /** `google.rpc.Code`. */
  readonly code: number;
  readonly message: string;
  readonly granted: Readonly<Record<string, bigint>>;
  /** `cache`: nobody was asked; `fallback`: nobody answered. */
  readonly from: 'service' | 'cache' | 'fallback';
  /** The whole answer, unless there was none. */
  readonly response?: CheckResponse;
}

export interface ClientCounts {
  readonly checks: number;
  /** Checks that asked nobody. */
  readonly hits: number;
  /** Checks that nobody answered. */
  readonly fallbacks: number;
  readonly reports: Readonly<ReportCounts>;
}

export interface PolicyClient {
  check(attributes: AttributesInput, options?: CheckOptions): Promise<CheckResult>;
  /** Queues a bag. False: it is lost, because the queue is full: slow down, or wait for `flush`. */
  report(attributes: AttributesInput): boolean;
  flush(): Promise<void>;
  allocate(
    quota: string,
    asked: QuotaInput & { readonly attributes?: AttributesInput; readonly deduplicationId?: string },
  ): Promise<CallResult<QuotaResult>>;
  /** What an allocation with this deduplication id took; without an amount all of it. */
  release(
    quota: string,
    given: { readonly deduplicationId: string; readonly amount?: bigint | number },
  ): Promise<CallResult<QuotaResult>>;
  inspect(quota: string, attributes?: AttributesInput): Promise<CallResult<QuotaResult>>;
  counts(): ClientCounts;
  /** Delivers what is queued, then disconnects. */
  close(): Promise<void>;
}

const defaultReports: ReportLimits = { batch: 500, queued: 10_000, delayMs: 100, tries: 5 };
const defaultPrefetch: PrefetchLimits = { most: 100n, mostPools: 1_000 };

export function createPolicyClient(options: PolicyClientOptions): PolicyClient {
  const { timeoutMs = 2_000, cachedDecisions = 10_000, now = Date.now } = options;
  const connection = openConnection({ ...options, timeoutMs });
  const queue = new ReportQueue({ ...defaultReports, ...options.reports }, async (request) => {
    const sent = await connection.call(Policy.method.report, request);
    if (sent.ok) return 'delivered';
    return isOutage(sent.code) || sent.code === status.RESOURCE_EXHAUSTED ? 'retry' : 'lost';
  });
  const checker = new Checker({
    connection,
    now,
    decisions: new DecisionCache(cachedDecisions, now),
    prefetched: new PrefetchedQuota({ ...defaultPrefetch, ...options.prefetch }, now),
    whenUnavailable: options.whenUnavailable ?? 'refuse',
  });
  return {
    check: (attributes, asked = {}) => checker.check(writeAttributes(attributes), asked),
    report: (attributes) => queue.add(writeAttributes(attributes)),
    flush: () => queue.flush(),
    ...quotaCalls(connection),
    counts: () => ({ ...checker.counts, reports: { ...queue.counts } }),
    async close() {
      await queue.flush();
      connection.close();
    },
  };
}

function quotaCalls(connection: Connection): Pick<PolicyClient, 'allocate' | 'release' | 'inspect'> {
  const { allocateQuota, releaseQuota, inspectQuota } = Policy.method;
  return {
    async allocate(quota, { amount, isBestEffort = false, attributes = {}, deduplicationId = '' }) {
      const request = { quota, amount: BigInt(amount), bestEffort: isBestEffort, deduplicationId };
      return resultOf(
        await connection.call(
          allocateQuota,
          create(AllocateQuotaRequestSchema, { ...request, attributes: writeAttributes(attributes) }),
        ),
      );
    },
    async release(quota, { deduplicationId, amount = 0n }) {
      const request = create(ReleaseQuotaRequestSchema, { quota, amount: BigInt(amount), deduplicationId });
      return resultOf(await connection.call(releaseQuota, request));
    },
    async inspect(quota, attributes = {}) {
      const request = create(InspectQuotaRequestSchema, { quota, attributes: writeAttributes(attributes) });
      return resultOf(await connection.call(inspectQuota, request));
    },
  };
}

function resultOf(
  called: CallResult<{ readonly result?: QuotaResult | undefined }>,
): CallResult<QuotaResult> {
  if (!called.ok) return called;
  const { result } = called.answer;
  return result === undefined
    ? { ok: false, code: status.INTERNAL, details: 'an answer without a result' }
    : { ok: true, answer: result };
}

interface CheckerParts {
  readonly connection: Connection;
  readonly now: () => number;
  readonly decisions: DecisionCache;
  readonly prefetched: PrefetchedQuota;
  readonly whenUnavailable: WhenUnavailable;
}

type AskedQuotas = readonly (readonly [
  string,
  { readonly amount: bigint; readonly isBestEffort: boolean; readonly isPrefetched: boolean },
])[];

class Checker {
  readonly #parts: CheckerParts;
  readonly counts = { checks: 0, hits: 0, fallbacks: 0 };

  constructor(parts: CheckerParts) {
    this.#parts = parts;
  }

  async check(attributes: Attributes, options: CheckOptions): Promise<CheckResult> {
    this.counts.checks += 1;
    const quotas: AskedQuotas = Object.entries(options.quotas ?? {}).map(
      ([name, { amount, isBestEffort = false, isPrefetched = false }]) => [
        name,
        { amount: BigInt(amount), isBestEffort, isPrefetched },
      ],
    );
    return this.#fromCache(attributes, quotas) ?? (await this.#ask(attributes, quotas, options));
  }

  #fromCache(attributes: Attributes, quotas: AskedQuotas): CheckResult | undefined {
    const { decisions, prefetched } = this.#parts;
    const isThere = quotas.every(
      ([name, { amount, isPrefetched }]) => isPrefetched && prefetched.has(name, attributes, amount),
    );
    const response = isThere ? decisions.use(attributes) : undefined;
    if (response === undefined) return undefined;
    this.counts.hits += 1;
    const code = response.status?.code ?? 0;
    if (code === 0) for (const [name, { amount }] of quotas) prefetched.use(name, attributes, amount);
    const granted = Object.fromEntries(quotas.map(([name, { amount }]) => [name, code === 0 ? amount : 0n]));
    return {
      isAllowed: code === 0,
      code,
      message: response.status?.message ?? '',
      granted,
      from: 'cache',
      response,
    };
  }

  async #ask(attributes: Attributes, quotas: AskedQuotas, options: CheckOptions): Promise<CheckResult> {
    const { connection, decisions, now, prefetched } = this.#parts;
    const askedMs = now();
    const amounts = quotas.map(([name, { amount, isBestEffort, isPrefetched }]) => {
      const asked = isPrefetched ? prefetched.amountFor(name, attributes, amount) : amount;
      return [name, { amount: asked, bestEffort: isBestEffort || isPrefetched }] as const;
    });
    const { deduplicationId = '' } = options;
    const request = create(CheckRequestSchema, {
      attributes,
      quotas: Object.fromEntries(amounts),
      deduplicationId,
    });
    const called = await connection.call(Policy.method.check, request);
    if (!called.ok) return this.#fallBack(called, quotas, options);
    decisions.keep(attributes, called.answer, askedMs);
    return this.#resultOf(attributes, quotas, { response: called.answer, asked: new Map(amounts) });
  }

  #resultOf(
    attributes: Attributes,
    quotas: AskedQuotas,
    {
      response,
      asked,
    }: { readonly response: CheckResponse; readonly asked: ReadonlyMap<string, { readonly amount: bigint }> },
  ): CheckResult {
    const granted: Record<string, bigint> = {};
    let refused: QuotaResult | undefined;
    for (const [name, { amount, isBestEffort, isPrefetched }] of quotas) {
      const result = response.quotas[name];
      const given = result?.granted ?? 0n;
      const isEnough = isBestEffort ? given > 0n || amount === 0n : given >= amount;
      const used = isEnough ? (given < amount ? given : amount) : 0n;
      granted[name] = isPrefetched ? used : given;
      if (!isEnough) refused ??= result;
      if (isPrefetched && result !== undefined)
        this.#parts.prefetched.add(name, attributes, {
          result,
          asked: asked.get(name)?.amount ?? amount,
          used,
        });
    }
    const isGranted = quotas.every(([name, { amount }]) => (granted[name] ?? 0n) > 0n || amount === 0n);
    const own = response.status?.code ?? 0;
    const decisive = own !== 0 || isGranted ? response.status : refused?.status;
    const code = decisive?.code ?? (isGranted ? 0 : status.RESOURCE_EXHAUSTED);
    const isAllowed = own === 0 && isGranted;
    return {
      isAllowed,
      code: isAllowed ? 0 : code,
      message: decisive?.message ?? '',
      granted,
      from: 'service',
      response,
    };
  }

  #fallBack(
    { code, details }: { readonly code: status; readonly details: string },
    quotas: AskedQuotas,
    options: CheckOptions,
  ): CheckResult {
    this.counts.fallbacks += 1;
    const isAllowed = (options.whenUnavailable ?? this.#parts.whenUnavailable) === 'allow' && isOutage(code);
    const granted = Object.fromEntries(quotas.map(([name, { amount }]) => [name, isAllowed ? amount : 0n]));
    return { isAllowed, code, message: details, granted, from: 'fallback' };
  }
}

/** The service is not there; what it refuses to answer is refused, whatever was chosen. */
const isOutage = (code: status): boolean =>
  code === status.UNAVAILABLE ||
  code === status.DEADLINE_EXCEEDED ||
  code === status.INTERNAL ||
  code === status.UNKNOWN ||
  code === status.CANCELLED;
