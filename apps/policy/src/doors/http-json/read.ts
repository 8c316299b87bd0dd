// Requests in JSON. What is no request is named with its field; attributes that are no values are left out like those of every door.
import {
  type AttributeBag,
  type AttributeValue,
  parseAmount,
  readAttributes,
  type Vocabulary,
} from '@xebec/policy';
import type { AskedQuota } from '../calls/policy-calls.ts';

/** What is wrong with a request, and what to write. */
export interface BadRequest {
  readonly kind: 'bad-request';
  readonly field: string;
  readonly message: string;
}

export const badRequest = (field: string, message: string): BadRequest => ({
  kind: 'bad-request',
  field,
  message,
});

export const isBadRequest = (value: unknown): value is BadRequest =>
  isObject(value) && value['kind'] === 'bad-request' && 'field' in value;

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Refuses fields that no request has: a misspelt one would be a wrong answer. */
export function readFields(body: unknown, known: readonly string[]): JsonObject | BadRequest {
  if (!isObject(body)) return badRequest('', 'the body is one JSON object');
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  return unknown === undefined
    ? body
    : badRequest(unknown.slice(0, 100), `is no field of this request; there are ${known.join(', ')}`);
}

export interface AttributesSaid {
  readonly bag: AttributeBag;
  /** Names whose value no attribute can have. */
  readonly malformed: readonly string[];
}

/** Each alone, so that one that is wrong takes no other with it. */
export function readBag(field: string, json: unknown, vocabulary: Vocabulary): AttributesSaid | BadRequest {
  if (json === undefined) return { bag: new Map(), malformed: [] };
  if (!isObject(json)) return badRequest(field, 'attributes are one object: names, and their values');
  const bag = new Map<string, AttributeValue>();
  const malformed: string[] = [];
  for (const [name, value] of Object.entries(json)) {
    const read = readAttributes({ [name]: value }, vocabulary);
    const found = read.ok ? read.value.get(name) : undefined;
    if (found === undefined) malformed.push(name);
    else bag.set(name, found);
  }
  return { bag, malformed };
}

/** `{"NAME": 5}` or `{"NAME": {"amount": 5, "bestEffort": true}}`. */
export function readQuotas(json: unknown): ReadonlyMap<string, AskedQuota> | BadRequest {
  if (json === undefined) return new Map();
  if (!isObject(json)) return badRequest('quotas', 'is one object: names of quotas, and amounts');
  const quotas = new Map<string, AskedQuota>();
  for (const [name, asked] of Object.entries(json)) {
    const quota = isObject(asked)
      ? readQuota(`quotas.${name}`, asked)
      : readQuota(`quotas.${name}`, { amount: asked });
    if (isBadRequest(quota)) return quota;
    quotas.set(name, quota);
  }
  return quotas;
}

export function readQuota(
  field: string,
  { amount, bestEffort = false }: JsonObject,
): AskedQuota | BadRequest {
  const read = parseAmount(amount);
  if (!read.ok) {
    const [problem] = read.diagnostics;
    return badRequest(`${field}.amount`, [problem?.message, problem?.remedy].join('; '));
  }
  if (typeof bestEffort !== 'boolean') return badRequest(`${field}.bestEffort`, 'is true or false');
  return { amount: read.value, isBestEffort: bestEffort };
}

export function readText(field: string, value: unknown): string | BadRequest {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : badRequest(field, 'is a text');
}
