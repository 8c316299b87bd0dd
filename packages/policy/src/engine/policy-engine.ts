// The engine: one configuration, its handlers, and the calls that go through them. Rule: calls end with the configuration they began with.
import type { QuotaArguments, QuotaVerdict } from '../adapters/sdk.ts';
import type { AttributeBag } from '../attributes/value.ts';
import type { PolicyObject } from '../configuration/policy-object.ts';
import { CallSource } from './call-source.ts';
import { describeRequest } from './describe-request.ts';
import type { AssignmentCall, CheckCall, CheckOutcome, EngineReport, PolicyEngine } from './engine.ts';
import type { EngineParts } from './engine-parts.ts';
import { generate } from './generate.ts';
import { headersOf, noHeaders } from './header-operations.ts';
import { runChecks } from './run-check.ts';
import { mayTakeFrom, runQuota } from './run-quota.ts';
import { quotasOf, runQuotas } from './run-quotas.ts';
import { runReport } from './run-report.ts';
import type { RuleSamplers } from './sampling.ts';
import { combine } from './verdicts.ts';

export type PolicyEngineParts = EngineParts & {
  readonly samplers: RuleSamplers;
  /** In force, by key: the last good one where the newest is wrong. */
  readonly objects: ReadonlyMap<string, PolicyObject>;
};

export class CompiledPolicyEngine implements PolicyEngine {
  readonly revision: number;
  readonly parts: PolicyEngineParts;
  #underWay = 0;
  #onIdle: (() => void)[] = [];
  #closing: Promise<void> | undefined;

  constructor(revision: number, parts: PolicyEngineParts) {
    this.revision = revision;
    this.parts = parts;
    for (const slot of parts.slots.values()) slot.retain();
  }

  check(call: CheckCall, signal?: AbortSignal): Promise<CheckOutcome> {
    return this.#track(this.#check(call, signal));
  }

  report(bags: readonly AttributeBag[], how?: Pick<CheckCall, 'isPassing'>): Promise<void> {
    return this.#track(runReport(this.parts, bags, how?.isPassing === true));
  }

  allocate(name: string, asked: QuotaArguments, attributes: AttributeBag): Promise<QuotaVerdict> {
    return this.#track(this.#allocate(name, asked, attributes));
  }

  assign(call: AssignmentCall): Promise<QuotaVerdict | undefined> {
    return this.#track(this.#assign(call));
  }

  inspect(): EngineReport {
    const handlers = [...this.parts.slots.values()].map((slot) => slot.report());
    return { rules: this.parts.counters.report(), handlers };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #check(call: CheckCall, signal?: AbortSignal): Promise<CheckOutcome> {
    const isRecording = call.isKeptByNobody !== true;
    const source = await this.#prepare(call.attributes, { isRecording, signal });
    const run = { source, signal, failurePolicy: call.failurePolicy, isPassing: call.isPassing };
    const answer = await runChecks(this.parts, run);
    const combined = combine(answer.verdicts);
    const isAllowed = combined.status.code === 0;
    const headers = isAllowed ? headersOf(answer, source) : noHeaders;
    const asked = isAllowed ? quotasOf(this.parts, call, source) : undefined;
    const references = source.references();
    const prepare = () => this.#prepare(call.attributes, { isRecording, signal });
    const quotas =
      asked === undefined ? new Map() : await runQuotas(this.parts, asked, { call, signal, prepare });
    const life = asked?.isOnce ? { validDurationMs: 0, validUseCount: 1 } : {};
    return { ...combined, ...life, ...headers, references, quotas };
  }

  async #allocate(name: string, asked: QuotaArguments, attributes: AttributeBag): Promise<QuotaVerdict> {
    const source = await this.#prepare(attributes, { isRecording: false, signal: undefined });
    return runQuota(this.parts, name, { source, asked });
  }

  async #assign({ quota, amount, attributes, isBound }: AssignmentCall): Promise<QuotaVerdict | undefined> {
    const source = await this.#prepare(attributes, { isRecording: false, signal: undefined });
    if (isBound && !mayTakeFrom(this.parts, quota, source)) return undefined;
    const asked: QuotaArguments = { amount, isBestEffort: true, deduplicationId: '' };
    return runQuota(this.parts, quota, { source, asked, isMatched: true });
  }

  /** The caller's attributes, what API specs say about the request, then what adapters produce. */
  async #prepare(
    attributes: AttributeBag,
    { isRecording, signal }: { isRecording: boolean; signal: AbortSignal | undefined },
  ): Promise<CallSource> {
    const source = new CallSource(attributes, { isRecording });
    describeRequest(this.parts, source);
    const producing = generate(this.parts, source, signal);
    if (producing !== undefined) await producing;
    return source;
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await work;
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) for (const tell of this.#onIdle.splice(0)) tell();
    }
  }

  async #close(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    await Promise.all([...this.parts.slots.values()].map((slot) => slot.release()));
  }
}
