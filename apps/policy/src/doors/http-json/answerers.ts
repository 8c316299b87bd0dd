// What each path answers.
import type { Asking, PolicyCalls } from '../calls/policy-calls.ts';
import type { Gate } from '../rpc/gate.ts';
import { isRefusal, type Refusal } from '../rpc/refusal.ts';
import { shownDecision, shownQuota } from './answers.ts';
import {
  type AttributesSaid,
  type BadRequest,
  badRequest,
  isBadRequest,
  readBag,
  readFields,
  readQuota,
  readQuotas,
  readText,
} from './read.ts';

type Answer = Promise<object | Refusal | BadRequest>;
type Answerer = (asking: Asking, body: unknown) => Answer;

export type Answerers = Readonly<Record<'check' | 'report' | 'allocate' | 'release' | 'inspect', Answerer>>;

export const answerers = (gate: Gate, calls: PolicyCalls): Answerers => ({
  check: (asking, body) => check(gate, calls, { asking, body }),
  report: (asking, body) => report(gate, calls, { asking, body }),
  allocate: (asking, body) => allocate(gate, calls, { asking, body }),
  release: (asking, body) => release(calls, { asking, body }),
  inspect: (asking, body) => inspect(gate, calls, { asking, body }),
});

interface Asked {
  readonly asking: Asking;
  readonly body: unknown;
}

function countMalformed(gate: Gate, { malformed }: AttributesSaid): void {
  for (const _name of malformed) gate.metrics.countDrop('http', 'malformed');
}

async function check(gate: Gate, calls: PolicyCalls, { asking, body }: Asked): Answer {
  const fields = readFields(body, ['attributes', 'quotas', 'deduplicationId']);
  if (isBadRequest(fields)) return fields;
  const said = readBag('attributes', fields['attributes'], gate.vocabulary());
  const quotas = readQuotas(fields['quotas']);
  const deduplicationId = readText('deduplicationId', fields['deduplicationId']);
  if (isBadRequest(said)) return said;
  if (isBadRequest(quotas)) return quotas;
  if (isBadRequest(deduplicationId)) return deduplicationId;
  countMalformed(gate, said);
  const decision = await calls.check(asking, { attributes: said.bag, quotas, deduplicationId });
  if (isRefusal(decision)) return decision;
  const malformed = said.malformed
    .slice(0, 32)
    .map((name) => ({ name: name.slice(0, 100), reason: 'malformed' as const }));
  return shownDecision({ ...decision, dropped: [...malformed, ...decision.dropped] });
}

async function report(gate: Gate, calls: PolicyCalls, { asking, body }: Asked): Answer {
  const fields = readFields(body, ['bags', 'deduplicationId']);
  if (isBadRequest(fields)) return fields;
  const deduplicationId = readText('deduplicationId', fields['deduplicationId']);
  if (isBadRequest(deduplicationId)) return deduplicationId;
  const { bags } = fields;
  if (!Array.isArray(bags)) return badRequest('bags', 'is a list of attributes');
  if (bags.length > gate.limits.bags)
    return badRequest('bags', `has more than ${gate.limits.bags}: send fewer at once`);
  const read: AttributesSaid[] = [];
  for (const [index, bag] of bags.entries()) {
    const said = readBag(`bags[${index}]`, bag, gate.vocabulary());
    if (isBadRequest(said)) return said;
    countMalformed(gate, said);
    read.push(said);
  }
  const taken = await calls.report(
    asking,
    read.map(({ bag }) => bag),
    deduplicationId,
  );
  if (isRefusal(taken)) return taken;
  const malformed = read.reduce((sum, said) => sum + said.malformed.length, 0);
  const { isRepeated } = taken;
  const dropped = { droppedAttributes: taken.dropped + malformed };
  return { accepted: read.length, ...dropped, ...(isRepeated === undefined ? {} : { isRepeated }) };
}

async function allocate(gate: Gate, calls: PolicyCalls, { asking, body }: Asked): Answer {
  const fields = readFields(body, ['quota', 'amount', 'bestEffort', 'attributes', 'deduplicationId']);
  if (isBadRequest(fields)) return fields;
  const quota = quotaName(fields['quota']);
  const amount = readQuota('', fields);
  const said = readBag('attributes', fields['attributes'], gate.vocabulary());
  const deduplicationId = readText('deduplicationId', fields['deduplicationId']);
  if (isBadRequest(quota)) return quota;
  if (isBadRequest(amount)) return { ...amount, field: amount.field.slice(1) };
  if (isBadRequest(said)) return said;
  if (isBadRequest(deduplicationId)) return deduplicationId;
  countMalformed(gate, said);
  const taken = await calls.allocate(asking, { quota, ...amount, attributes: said.bag, deduplicationId });
  return isRefusal(taken)
    ? taken
    : { allowed: taken.verdict.status.code === 0, ...shownQuota(taken.verdict) };
}

async function release(calls: PolicyCalls, { asking, body }: Asked): Answer {
  const fields = readFields(body, ['quota', 'amount', 'deduplicationId']);
  if (isBadRequest(fields)) return fields;
  const quota = quotaName(fields['quota']);
  const amount = readQuota('', { amount: fields['amount'] ?? 0 });
  const deduplicationId = readText('deduplicationId', fields['deduplicationId']);
  if (isBadRequest(quota)) return quota;
  if (isBadRequest(amount)) return { ...amount, field: amount.field.slice(1) };
  if (isBadRequest(deduplicationId)) return deduplicationId;
  const given = await calls.release(asking, { quota, amount: amount.amount, deduplicationId });
  return isRefusal(given) ? given : shownQuota(given);
}

async function inspect(gate: Gate, calls: PolicyCalls, { asking, body }: Asked): Answer {
  const fields = readFields(body, ['quota', 'attributes']);
  if (isBadRequest(fields)) return fields;
  const quota = quotaName(fields['quota']);
  const said = readBag('attributes', fields['attributes'], gate.vocabulary());
  if (isBadRequest(quota)) return quota;
  if (isBadRequest(said)) return said;
  countMalformed(gate, said);
  const seen = await calls.inspect(asking, quota, said.bag);
  return isRefusal(seen) ? seen : shownQuota(seen);
}

function quotaName(value: unknown): string | BadRequest {
  return typeof value === 'string' && value !== '' ? value : badRequest('quota', 'is the name of a quota');
}
