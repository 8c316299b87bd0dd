// The engine: one configuration, its handlers, and the calls that go through them.
import type { QuotaArguments, QuotaVerdict } from '../adapters/sdk.ts';
import { OK } from '../adapters/sdk.ts';
import type { AttributeBag } from '../attributes/value.ts';
import type { CheckCall, CheckOutcome, EngineReport, PolicyEngine } from './engine.ts';

export class PolicyEngineOf implements PolicyEngine {
  readonly revision: number;
  constructor(revision: number) {
    this.revision = revision;
  }

  async check(_call: CheckCall): Promise<CheckOutcome> {
    return {
      status: OK,
      validDurationMs: 60_000,
      validUseCount: 10_000,
      references: [],
      requestHeaders: [],
      responseHeaders: [],
      quotas: new Map(),
      rules: [],
    };
  }

  async report(_bags: readonly AttributeBag[]): Promise<void> {}

  async allocate(_name: string, asked: QuotaArguments): Promise<QuotaVerdict> {
    return { status: OK, granted: asked.amount, validDurationMs: 60_000 };
  }

  inspect(): EngineReport {
    return { rules: [], handlers: [] };
  }

  async close(): Promise<void> {}
}
