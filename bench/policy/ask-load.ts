// Asks as often as is said, or as fast as the answers come. The rule: a question that is due is asked whether or not earlier ones were answered, and waiting counts.
import { nowMs, pause } from '../measure/clock.ts';
import { type Summary, summarize } from '../measure/statistics.ts';

export type Ask = (call: number) => Promise<unknown>;

export interface Asked {
  /** Milliseconds until the answer. */
  readonly delaysMs: Summary;
  readonly calls: number;
  readonly failures: number;
  readonly seconds: number;
}

interface Tally {
  readonly delaysMs: number[];
  failures: number;
}

async function timed(ask: Ask, call: number, tally: Tally): Promise<void> {
  const startMs = nowMs();
  try {
    await ask(call);
    tally.delaysMs.push(nowMs() - startMs);
  } catch {
    tally.failures++;
  }
}

const resultOf = ({ delaysMs, failures }: Tally, startMs: number): Asked => ({
  delaysMs: summarize(delaysMs),
  calls: delaysMs.length,
  failures,
  seconds: (nowMs() - startMs) / 1_000,
});

/** As fast as answers come, with so many questions open. */
export async function askAtOnce(ask: Ask, seconds: number, open = 64): Promise<Asked> {
  const tally: Tally = { delaysMs: [], failures: 0 };
  const startMs = nowMs();
  let call = 0;
  const askUntilOver = async (): Promise<void> => {
    while (nowMs() - startMs < seconds * 1_000) await timed(ask, call++, tally);
  };
  await Promise.all(Array.from({ length: open }, askUntilOver));
  return resultOf(tally, startMs);
}

/** So many a second, evenly. */
export async function askSteadily(ask: Ask, seconds: number, perSecond: number): Promise<Asked> {
  const tally: Tally = { delaysMs: [], failures: 0 };
  const startMs = nowMs();
  const gapMs = 1_000 / perSecond;
  const total = Math.round(perSecond * seconds);
  const open: Promise<void>[] = [];
  for (let call = 0; call < total; call++) {
    const earlyMs = startMs + call * gapMs - nowMs();
    if (earlyMs > 0) await pause(earlyMs);
    open.push(timed(ask, call, tally));
  }
  await Promise.all(open);
  return resultOf(tally, startMs);
}
