// An engine that remembers what it was asked and answers what a test says.
import type {
  AssignmentCall,
  AttributeBag,
  CheckCall,
  CheckOutcome,
  PolicyEngine,
  QuotaArguments,
  QuotaVerdict,
} from '@xebec/policy';

export const allowed: CheckOutcome = {
  status: { code: 0, message: '' },
  validDurationMs: 5_000,
  validUseCount: 100,
  references: [],
  requestHeaders: [],
  responseHeaders: [],
  quotas: new Map(),
  rules: [],
};

export class FakeEngine implements PolicyEngine {
  readonly revision = 1;
  readonly checks: CheckCall[] = [];
  readonly bags: AttributeBag[] = [];
  readonly charges: {
    readonly name: string;
    readonly asked: QuotaArguments;
    readonly attributes: AttributeBag;
  }[] = [];
  outcome: CheckOutcome = allowed;
  /** Of every quota. */
  limit = 10n;
  used = 0n;

  async check(call: CheckCall): Promise<CheckOutcome> {
    this.checks.push(call);
    const quotas = [...(call.quotas ?? [])].map(
      ([name, asked]) => [name, { ...this.#charge(asked), references: [] }] as const,
    );
    return { ...this.outcome, quotas: new Map(quotas) };
  }

  async report(bags: readonly AttributeBag[]): Promise<void> {
    this.bags.push(...bags);
  }

  async allocate(name: string, asked: QuotaArguments, attributes: AttributeBag): Promise<QuotaVerdict> {
    this.charges.push({ name, asked, attributes });
    return this.#charge(asked);
  }

  async assign({ quota, amount, attributes }: AssignmentCall): Promise<QuotaVerdict | undefined> {
    return this.allocate(quota, { amount, isBestEffort: true, deduplicationId: '' }, attributes);
  }

  inspect() {
    return { rules: [], handlers: [] };
  }

  async close(): Promise<void> {}

  #charge({ amount, isBestEffort }: QuotaArguments): QuotaVerdict {
    const left = this.limit - this.used;
    const granted = amount <= left ? amount : isBestEffort ? left : 0n;
    this.used += granted;
    const code = granted === 0n && amount > 0n ? 8 : 0;
    return {
      status: { code, message: code === 0 ? '' : 'no quota left' },
      granted: granted < 0n ? -granted : granted,
      validDurationMs: 1_000,
      limit: this.limit,
      remaining: this.limit - this.used,
      resetMs: 30_000,
    };
  }
}
