// All quotas of one check: those that the caller asks for, or those that a proxy's request takes from by QuotaSpecs and QuotaPools.
import type { QuotaArguments } from '../adapters/sdk.ts';
import type { RequestedAmounts } from '../quotas/requests/requested-quotas.ts';
import type { CallSource } from './call-source.ts';
import type { CheckCall, CheckOutcome } from './engine.ts';
import { type EngineParts, said } from './engine-parts.ts';
import { runQuota } from './run-quota.ts';

export interface QuotasOfCall {
  readonly asked: ReadonlyMap<string, QuotaArguments>;
  /** Quotas whose charge cannot be told: nothing goes on. */
  readonly untold: readonly string[];
  /** The outcome is of this request and of no other. */
  readonly isOnce: boolean;
}

const noQuotas: QuotasOfCall = { asked: new Map(), untold: [], isOnce: false };

/** A caller that names quotas, even none, is asked for no others. */
export function quotasOf(parts: EngineParts, call: CheckCall, source: CallSource): QuotasOfCall {
  if (call.quotas !== undefined) return { ...noQuotas, asked: call.quotas };
  const { requestedQuotas } = parts.policy;
  if (requestedQuotas.isEmpty || source.get('context.reporter.kind') === undefined) return noQuotas;
  source.takeMissed();
  const amounts = requestedQuotas.requestedBy(source, { isPassing: call.isPassing === true });
  const missed = source.takeMissed();
  if (missed === undefined) return requested(amounts, call);
  return requested({ ...amounts, problems: [...amounts.problems, 'quotas'] }, call);
}

function requested(
  { amounts, problems }: RequestedAmounts,
  { failurePolicy, assignedQuotas }: CheckCall,
): QuotasOfCall {
  const left = [...amounts].filter(([name]) => assignedQuotas?.has(name) !== true);
  const asked = new Map(
    left.map(([name, amount]) => [name, { amount, isBestEffort: false, deduplicationId: '' }] as const),
  );
  const untold = failurePolicy === 'open' ? [] : problems;
  return { asked, untold, isOnce: asked.size + untold.length > 0 };
}

type Verdict = CheckOutcome['quotas'] extends ReadonlyMap<string, infer Each> ? Each : never;

interface QuotasRun {
  readonly call: CheckCall;
  readonly signal: AbortSignal | undefined;
  prepare(): Promise<CallSource>;
}

/** Each with what its own verdict depends on. */
export async function runQuotas(
  parts: EngineParts,
  { asked, untold, isOnce }: QuotasOfCall,
  run: QuotasRun,
): Promise<CheckOutcome['quotas']> {
  const verdicts = new Map<string, Verdict>(untold.map((name) => [name, untoldVerdict(name)]));
  const { failurePolicy } = run.call;
  await Promise.all(
    [...asked].map(async ([name, amount]) => {
      const source = await run.prepare();
      const verdict = await runQuota(parts, name, {
        source,
        asked: amount,
        signal: run.signal,
        failurePolicy,
      });
      verdicts.set(name, { ...verdict, references: source.references() });
    }),
  );
  const isRefused = [...verdicts.values()].some(({ status }) => status.code !== 0);
  if (isOnce && isRefused) await giveBack(parts, { asked, verdicts }, run);
  return verdicts;
}

/** A request that one quota refuses goes nowhere: it takes from no other. */
async function giveBack(
  parts: EngineParts,
  { asked, verdicts }: { asked: QuotasOfCall['asked']; verdicts: ReadonlyMap<string, Verdict> },
  { call: { failurePolicy }, prepare }: QuotasRun,
): Promise<void> {
  for (const name of asked.keys()) {
    const granted = verdicts.get(name)?.granted ?? 0n;
    if (granted <= 0n) continue;
    const back = { amount: -granted, isBestEffort: true, deduplicationId: '' };
    await runQuota(parts, name, { source: await prepare(), asked: back, failurePolicy });
  }
}

const permissionDenied = 7;

const untoldVerdict = (name: string): Verdict => ({
  status: { code: permissionDenied, message: said(name, 'what the request takes cannot be told') },
  granted: 0n,
  validDurationMs: 0,
  references: [],
});
