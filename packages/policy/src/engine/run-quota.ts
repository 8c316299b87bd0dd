// Quotas by the name of their instance. Rule: every rule that applies must grant; what one took is given back when another refuses, and nothing that none took.
import { OK, type QuotaArguments, type QuotaVerdict, type Status } from '../adapters/sdk.ts';
import type { CompiledAction, CompiledInstance, CompiledRule } from '../configuration/compiled.ts';
import { shortName } from '../configuration/names.ts';
import type { CallSource } from './call-source.ts';
import type { FailurePolicy } from './engine.ts';
import { ask, type EngineParts, matches, said } from './engine-parts.ts';
import type { PhaseRule } from './rule-index.ts';
import { defaultLife } from './verdicts.ts';

export interface QuotaRun {
  readonly source: CallSource;
  readonly asked: QuotaArguments;
  readonly signal?: AbortSignal | undefined;
  /** Only rules of that failure policy are asked. */
  readonly failurePolicy?: FailurePolicy | undefined;
  /** Who asks has looked by itself whether the rules match. */
  readonly isMatched?: boolean;
}

/** Whether a request to a destination takes from a quota at all: as QuotaSpecs and pools say, or a rule of its own namespace. */
export function mayTakeFrom(parts: EngineParts, name: string, source: CallSource): boolean {
  if (parts.policy.requestedQuotas.mayTakeFrom(name, source)) return true;
  const namespace = source.get('destination.namespace');
  const own = named(parts.index.rulesFor('QUOTA', source), name.toLowerCase());
  return own.some(({ rule }) => rule.namespace === namespace);
}

/** A quota that no rule knows, or whose rules do not apply, is granted: nothing limits it. */
export async function runQuota(parts: EngineParts, name: string, run: QuotaRun): Promise<QuotaVerdict> {
  const free: QuotaVerdict = {
    status: OK,
    // What is given back is told as a positive number.
    granted: run.asked.amount < 0n ? -run.asked.amount : run.asked.amount,
    validDurationMs: defaultLife.validDurationMs,
  };
  const granted: Grant[] = [];
  let least = free;
  let isRepeat = false;
  for (const { rule, action } of applicable(parts, name, run)) {
    const { verdict, isTaken } = await allocate(parts, { rule, action }, run);
    if (verdict.status.code !== 0) {
      parts.counters.of(rule).denied++;
      await giveBack(parts, granted, run);
      return verdict;
    }
    if (verdict.isRepeat === true) isRepeat = true;
    if (isTaken) granted.push({ action, amount: verdict.granted });
    least = smaller(least, verdict);
  }
  await giveBackRest(parts, { granted, least: least.granted }, run);
  // What some limit did not take now is not to be given back for what the others took.
  return isRepeat ? { ...least, isRepeat } : least;
}

/** What one limit granted beyond what the others allow. Under an id the first answer stands, and so does what it took. */
async function giveBackRest(
  parts: EngineParts,
  { granted, least }: { readonly granted: readonly Grant[]; readonly least: bigint },
  run: QuotaRun,
): Promise<void> {
  if (run.asked.deduplicationId !== '') return;
  await giveBack(
    parts,
    granted.map(({ action, amount }) => ({ action, amount: amount - least })),
    run,
  );
}

interface Grant {
  readonly action: CompiledAction;
  readonly amount: bigint;
}

interface Asked {
  readonly rule: CompiledRule;
  readonly action: CompiledAction;
}

function* applicable(parts: EngineParts, name: string, run: QuotaRun): Generator<Asked> {
  const wanted = name.toLowerCase();
  for (const { rule, actions } of rulesNaming(parts, wanted, run.source)) {
    if (run.failurePolicy !== undefined && rule.failurePolicy !== run.failurePolicy) continue;
    const answer = run.isMatched === true ? { kind: 'yes' as const } : matches(rule, run.source);
    if (answer.kind === 'failed') parts.counters.of(rule).failed++;
    const isDoubtful = answer.kind === 'failed' && rule.failurePolicy === 'close';
    if (answer.kind !== 'yes' && !isDoubtful) continue;
    parts.counters.of(rule).matched++;
    for (const action of actions) yield { rule, action };
  }
}

/** Rules that meet the call; for a name with a namespace that none of them knows, those of that namespace. */
function rulesNaming(parts: EngineParts, wanted: string, source: CallSource): readonly PhaseRule[] {
  const own = named(parts.index.rulesFor('QUOTA', source), wanted);
  const dot = wanted.lastIndexOf('.');
  if (own.length > 0 || dot < 0) return own;
  return named(parts.index.rulesOf('QUOTA', wanted.slice(dot + 1)), wanted);
}

const named = (rules: readonly PhaseRule[], wanted: string): readonly PhaseRule[] =>
  rules.flatMap(({ rule, actions }) => {
    const own = actions.filter(({ instance }) => instance === undefined || isNamed(instance, wanted));
    return own.length === 0 ? [] : [{ rule, actions: own }];
  });

/** `NAME`, `NAME.NAMESPACE` or the full name. */
const isNamed = ({ name, shortName: own }: CompiledInstance, wanted: string): boolean =>
  [own, name, shortName(name)].some((each) => each.toLowerCase() === wanted);

interface Allocated {
  readonly verdict: QuotaVerdict;
  /** The handler took it: not when a rule lets pass what nobody counted. */
  readonly isTaken: boolean;
}

async function allocate(parts: EngineParts, { rule, action }: Asked, run: QuotaRun): Promise<Allocated> {
  const answer = await ask(parts, action, {
    source: run.source,
    signal: run.signal,
    run: (handler, instance, limit) => handler.allocate?.(instance, run.asked, limit),
  });
  const { amount } = run.asked;
  if (answer.ok) return { verdict: withName(action.handler, answer.value), isTaken: amount > 0n };
  parts.counters.of(rule).failed++;
  const isOpen = rule.failurePolicy === 'open';
  const status: Status = isOpen ? OK : { code: 14, message: said(action.handler, answer.problem) };
  const granted = isOpen && amount > 0n ? amount : 0n;
  return { verdict: { status, granted, validDurationMs: 0 }, isTaken: false };
}

const withName = (handler: string, verdict: QuotaVerdict): QuotaVerdict =>
  verdict.status.code === 0
    ? verdict
    : { ...verdict, status: { ...verdict.status, message: said(handler, verdict.status.message) } };

/** What holds for both: the lesser amount, and of the two limits the one that has less left. */
function smaller(left: QuotaVerdict, right: QuotaVerdict): QuotaVerdict {
  const lesser = right.granted < left.granted ? right : left;
  const tighter = isTighter(right, left) ? right : left;
  const { limit, remaining, resetMs } = tighter;
  return {
    status: OK,
    granted: lesser.granted,
    validDurationMs: Math.min(left.validDurationMs, right.validDurationMs),
    ...(limit === undefined ? {} : { limit }),
    ...(remaining === undefined ? {} : { remaining }),
    ...(resetMs === undefined ? {} : { resetMs }),
  };
}

const isTighter = (one: QuotaVerdict, other: QuotaVerdict): boolean =>
  one.remaining !== undefined && (other.remaining === undefined || one.remaining < other.remaining);

/** Under the id it was taken with: when the call comes again, it takes again. */
async function giveBack(parts: EngineParts, grants: readonly Grant[], run: QuotaRun): Promise<void> {
  for (const { action, amount } of grants) {
    if (amount <= 0n) continue;
    const { deduplicationId: releasedId } = run.asked;
    const asked: QuotaArguments = {
      amount: -amount,
      isBestEffort: true,
      deduplicationId: '',
      ...(releasedId === '' ? {} : { releasedId }),
    };
    await ask(parts, action, {
      source: run.source,
      run: (handler, instance, limit) => handler.allocate?.(instance, asked, limit),
    });
  }
}
