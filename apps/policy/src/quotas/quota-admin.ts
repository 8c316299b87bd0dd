// The operator's view of quotas, on a socket of the state directory that only its owner can open: who used what, giving back, and starting anew.
import { chmodSync, rmSync } from 'node:fs';
import {
  type CounterUsage,
  type PolicyEngine,
  parseAmount,
  type QuotaLedger,
  readAttributes,
  readCounterKey,
  type Vocabulary,
} from '@xebec/policy';
import fastify, { type FastifyInstance } from 'fastify';

export interface QuotaAdminOptions {
  readonly ledgers: () => readonly QuotaLedger[];
  readonly engine: () => PolicyEngine;
  readonly vocabulary: () => Vocabulary;
}

const mostListed = 1_000;

/** A counter in JSON: amounts as digits. */
function written({ counter, ...usage }: CounterUsage) {
  const { quota, dimensions } = readCounterKey(counter);
  const { kind, limit, used, remaining, resetMs, consumers } = usage;
  return {
    quota,
    dimensions: Object.fromEntries(dimensions),
    kind,
    ...{ limit: `${limit}`, used: `${used}`, remaining: `${remaining}`, resetMs },
    ...(consumers === undefined
      ? {}
      : {
          consumers: consumers.map((one) => ({
            consumer: one.consumer,
            used: `${one.used}`,
            share: `${one.share}`,
          })),
        }),
  };
}

/** Of one quota and its plans; an empty name: of all. */
const isOf = (counter: string, name: string): boolean => {
  const [pool = ''] = readCounterKey(counter).quota.split('@', 1);
  return name === '' || pool === name || pool.endsWith(`/${name}`);
};

/** Page by page, so that nobody else waits for long. */
async function* pages(ledger: QuotaLedger): AsyncIterable<readonly CounterUsage[]> {
  let after = '';
  for (;;) {
    const page = await ledger.inspect({ prefix: '', after, most: mostListed });
    yield page;
    const last = page.at(-1);
    if (page.length < mostListed || last === undefined) return;
    after = last.counter;
    await new Promise(setImmediate);
  }
}

async function listed(ledger: QuotaLedger, quota: string): Promise<readonly CounterUsage[]> {
  const found: CounterUsage[] = [];
  for await (const page of pages(ledger)) {
    found.push(...page.filter(({ counter }) => isOf(counter, quota)));
    if (found.length >= mostListed) break;
  }
  return found.slice(0, mostListed);
}

/** All counters of the quota, however many. */
async function reset(ledger: QuotaLedger, quota: string): Promise<number> {
  let count = 0;
  for await (const page of pages(ledger)) {
    const counters = page.map(({ counter }) => counter).filter((counter) => isOf(counter, quota));
    count += await ledger.reset({ counters });
  }
  return count;
}

export function newQuotaAdmin({ ledgers, engine, vocabulary }: QuotaAdminOptions): FastifyInstance {
  const server = fastify({ forceCloseConnections: true, bodyLimit: 65_536 });
  server.get('/quotas', async (request) => {
    const quota = textIn(request.query, 'quota');
    const found = await Promise.all(ledgers().map((ledger) => listed(ledger, quota)));
    return { quotas: found.flat().map(written) };
  });
  server.post('/quotas/reset', async (request, reply) => {
    const quota = textIn(request.body, 'quota');
    if (quota === '') return reply.code(400).send({ message: 'name the quota' });
    const counts = await Promise.all(ledgers().map((ledger) => reset(ledger, quota)));
    return { counters: counts.reduce((sum, count) => sum + count, 0) };
  });
  server.post('/quotas/release', async (request, reply) => {
    const amount = parseAmount(Reflect.get(Object(request.body), 'amount'));
    const attributes = readAttributes(Reflect.get(Object(request.body), 'attributes') ?? {}, vocabulary());
    if (!amount.ok || amount.value <= 0n)
      return reply.code(400).send({ message: 'give back a whole number above 0' });
    if (!attributes.ok)
      return reply.code(400).send({ message: attributes.diagnostics[0]?.message ?? 'wrong attributes' });
    const asked = { amount: -amount.value, isBestEffort: true, deduplicationId: '' };
    const verdict = await engine().allocate(textIn(request.body, 'quota'), asked, attributes.value);
    if (verdict.status.code !== 0) return reply.code(409).send({ message: verdict.status.message });
    return { released: `${verdict.granted}` };
  });
  return server;
}

function textIn(from: unknown, name: string): string {
  const value: unknown = Reflect.get(Object(from), name);
  return typeof value === 'string' ? value : '';
}

/** What another process left at the path is removed: the state directory has one owner at a time. */
export async function listenAdmin(server: FastifyInstance, path: string): Promise<void> {
  rmSync(path, { force: true });
  await server.listen({ path });
  chmodSync(path, 0o600);
}
