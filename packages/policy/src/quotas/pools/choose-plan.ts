// Which plan a consumer has: by API key, then identity, then user; then the plan for others. Without any: what the pool allows everybody.
import type { PoolPlan } from './parameters.ts';
import type { ReadDimensions } from './reserved.ts';

export interface ChosenPlan {
  readonly plan: PoolPlan;
  /** Names the consumer among those of the plan. */
  readonly consumer: string;
}

const ways = [
  ['apiKeys', 'apiKey'],
  ['identities', 'identity'],
  ['users', 'user'],
] as const;

/** What stands for a key in names of counters, which are stored and shown. */
export type Fingerprint = (key: string) => string;

export function choosePlan(
  plans: readonly PoolPlan[],
  { said }: ReadDimensions,
  fingerprint: Fingerprint,
): ChosenPlan | undefined {
  const consumer = (who: (typeof ways)[number][1]): string =>
    `${who}:${who === 'apiKey' ? fingerprint(said(who)) : said(who)}`;
  for (const [list, who] of ways) {
    const name = said(who);
    if (name === '') continue;
    const plan = plans.find(({ consumers }) => consumers[list].some((written) => isNamed(written, name)));
    if (plan !== undefined) return { plan, consumer: consumer(who) };
  }
  const plan = plans.find(({ consumers }) => consumers.others);
  // Those of no plan are told apart by the surest name that they have.
  const [, who] = ways.find(([, one]) => said(one) !== '') ?? [];
  return plan && { plan, consumer: who === undefined ? '' : consumer(who) };
}

const isNamed = (written: string, name: string): boolean =>
  written.endsWith('*') ? name.startsWith(written.slice(0, -1)) : written === name;
