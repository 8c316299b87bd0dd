// The handler of a pool: charges the pool's counter and those of the consumer's plan together, and settles what a response cost after all.
import { fail, succeed } from '@xebec/std';
import type { OpenRedisLedger } from '../../adapters/redisquota/redisquota.ts';
import type { Adapter, AdapterForm, Handler } from '../../adapters/sdk.ts';
import type { Instance } from '../../templates/template.ts';
import { parseAmount } from '../amount.ts';
import { dimensionsOf, dimensionText } from '../dimension-text.ts';
import { type CountedLimit, counterKey, type QuotaLedger } from '../ledger.ts';
import { limitFor } from '../limits/definition.ts';
import { choosePlan, type Fingerprint } from './choose-plan.ts';
import { PoolParameters } from './parameters.ts';
import { type ReadDimensions, readDimensions } from './reserved.ts';

export const quotaPoolForm: AdapterForm<PoolParameters> = {
  name: 'quotapool',
  description: 'Made of QuotaPool objects.',
  templates: ['quota', 'metric'],
  parse: (params) =>
    params instanceof PoolParameters
      ? succeed(params)
      : fail({
          severity: 'error',
          code: 'not-for-handlers',
          message: 'the adapter "quotapool" is for QuotaPool objects only',
          remedy: 'write a QuotaPool, or use memquota or redisquota',
        }),
};

export interface PoolPorts {
  readonly memory: QuotaLedger;
  /** Absent: pools in Redis fail as they say. */
  readonly openRedis?: OpenRedisLedger;
  /** Of API keys; absent: they are shown as they are. */
  readonly fingerprint?: Fingerprint;
}

export const createPoolAdapter = ({
  memory,
  openRedis,
  fingerprint = (key) => key,
}: PoolPorts): Adapter<PoolParameters> => ({
  ...quotaPoolForm,
  build(parameters, context) {
    const { store } = parameters.spec;
    if (store.kind === 'memory') return poolHandler({ parameters, ledger: memory, fingerprint });
    if (openRedis === undefined) throw new Error('this policy service has no Redis');
    const { ledger, close } = openRedis({ url: store.url, connections: 1 }, (problem) =>
      context.reportProblem(problem),
    );
    return { ...poolHandler({ parameters, ledger, fingerprint }), close };
  },
});

interface Pool {
  readonly parameters: PoolParameters;
  readonly ledger: QuotaLedger;
  readonly fingerprint: Fingerprint;
}

export function poolHandler(pool: Pool): Handler {
  const { parameters, ledger } = pool;
  const { deduplicationMs } = parameters.spec;
  return {
    allocate(instance, asked) {
      const dimensions = readDimensions(dimensionsOf(instance.fields['dimensions']));
      return ledger.allocate({ ...asked, counters: countersOf(pool, dimensions), deduplicationMs });
    },
    async report(instances) {
      for (const instance of instances) await settle(pool, instance);
    },
  };
}

function countersOf({ parameters, fingerprint }: Pool, dimensions: ReadDimensions): readonly CountedLimit[] {
  const { pool, spec, plans } = parameters;
  const { own } = dimensions;
  const consumer = dimensions.said('consumer');
  const weight = Object.hasOwn(spec.sharing?.weights ?? {}, consumer) ? spec.sharing?.weights[consumer] : 1;
  const counted: CountedLimit = {
    counter: counterKey(pool, own),
    limit: limitFor({ name: pool, ...parameters }, own),
    ...(spec.sharing === undefined ? {} : { share: { consumer, weight: weight ?? 1 } }),
  };
  const chosen = choosePlan(plans, dimensions, fingerprint);
  return [
    counted,
    ...(chosen?.plan.limits ?? []).map(({ name, limit, per }) => ({
      counter: counterKey(
        `${pool}@${name}`,
        new Map(per === 'PLAN' ? [] : [['consumer', chosen?.consumer ?? '']]),
      ),
      limit,
    })),
  ];
}

/** Charges or gives back the difference between what was taken and what it was. */
async function settle(pool: Pool, { fields }: Instance): Promise<void> {
  const { parameters, ledger } = pool;
  const dimensions = readDimensions(dimensionsOf(fields['dimensions']));
  const actual = parseAmount(scalar(fields['value']));
  const taken = takenBy(dimensions);
  if (!actual.ok || taken === undefined || actual.value < 0n) return;
  const amount = actual.value - taken.amount;
  if (amount === 0n) return;
  await ledger.allocate({
    counters: countersOf(pool, dimensions),
    amount,
    isBestEffort: true,
    isForced: amount > 0n,
    deduplicationId: taken.id === '' ? '' : `settle:${taken.id}`,
    deduplicationMs: parameters.spec.deduplicationMs,
  });
}

interface Taken {
  readonly amount: bigint;
  /** What makes a report that comes twice one; empty: it comes once. */
  readonly id: string;
}

/**
 * A proxy says what was charged, and says it once: the ids of its requests are their senders' to choose. A request that
 * was refused, or let through because nobody could be asked, took nothing, and nothing is settled. A program's report is
 * taken by its word, and may be sent again.
 */
function takenBy({ said }: ReadDimensions): Taken | undefined {
  const isOfProxy = said('reporter') !== '';
  const amount = parseAmount(isOfProxy ? said('charged') : said('estimate'));
  return amount.ok ? { amount: amount.value, id: isOfProxy ? '' : said('request') } : undefined;
}

const scalar = (value: Instance['fields'][string]): unknown =>
  typeof value === 'object' && value !== null ? dimensionText(value) : value;
