// Asks again and again, and says so only when the answer has changed for good: thresholds as Kubernetes counts them.
import { systemTimers, type Timers } from '../timers.ts';
import { attemptProbe } from './attempt.ts';
import type { ProbeAnswer, ProbeSpec, ProbeTarget } from './spec.ts';

export interface ProbeOptions {
  /** Called with the first verdict and with every change of it. */
  readonly onChange: (answer: ProbeAnswer) => void;
  readonly timers?: Timers;
  /** Asks once; default: over the network or by running the command. */
  readonly attempt?: (spec: ProbeSpec, target: ProbeTarget) => Promise<ProbeAnswer>;
}

export interface Probe extends Disposable {
  /** Undefined until a threshold was reached for the first time. */
  readonly passing: boolean | undefined;
  readonly lastAnswer: ProbeAnswer | undefined;
}

interface Streak {
  readonly passing: boolean;
  readonly length: number;
}

const continued = (streak: Streak | undefined, passing: boolean): Streak => ({
  passing,
  length: streak?.passing === passing ? streak.length + 1 : 1,
});

/** Probes until disposed; no two questions are under way at once. */
export function startProbe(spec: ProbeSpec, target: ProbeTarget, options: ProbeOptions): Probe {
  const { onChange, timers = systemTimers, attempt = attemptProbe } = options;
  const periodMs = (spec.periodSeconds ?? 10) * 1_000;
  const firstPeriodMs = Math.min(periodMs, spec.firstSuccessPeriodMs ?? periodMs);
  let verdict: boolean | undefined;
  let lastAnswer: ProbeAnswer | undefined;
  let streak: Streak | undefined;
  let hasPassed = false;
  let isDisposed = false;

  const count = (answer: ProbeAnswer) => {
    lastAnswer = answer;
    streak = continued(streak, answer.passing);
    const threshold = answer.passing ? (spec.successThreshold ?? 1) : (spec.failureThreshold ?? 3);
    if (streak.length < threshold || verdict === answer.passing) return;
    verdict = answer.passing;
    hasPassed ||= verdict;
    onChange(answer);
  };
  const ask = async () => {
    const askedAtMs = timers.nowMs();
    const answer = await attempt(spec, target);
    if (isDisposed) return;
    count(answer);
    const pauseMs = (hasPassed ? periodMs : firstPeriodMs) - (timers.nowMs() - askedAtMs);
    if (!isDisposed) next = timers.after(Math.max(0, pauseMs), () => void ask());
  };
  let next = timers.after((spec.initialDelaySeconds ?? 0) * 1_000, () => void ask());
  return {
    get passing() {
      return verdict;
    },
    get lastAnswer() {
      return lastAnswer;
    },
    [Symbol.dispose]: () => {
      isDisposed = true;
      next[Symbol.dispose]();
    },
  };
}
