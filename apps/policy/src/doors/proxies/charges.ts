// What a request took from quotas, noted down in its proxy until it is over: only what was charged is settled. Rule: one key for each quota, since several checks of one request write beside each other.
import type { JsonObject } from '@bufbuild/protobuf';
import type { CheckOutcome } from '@xebec/policy';

const prefix = 'charged:';

/** By `NAME.NAMESPACE`, as the request asked for them. */
export function chargesToTell(quotas: CheckOutcome['quotas']): JsonObject {
  const charges: Record<string, string> = {};
  for (const [name, { granted }] of quotas)
    if (granted > 0n) charges[`${prefix}${name.replace('.instance.', '.')}`] = String(granted);
  return charges;
}

/** The same, read from the metadata that came back with the log. */
export function chargesIn(told: JsonObject | undefined): ReadonlyMap<string, string> | undefined {
  const charges = Object.entries(told ?? {}).flatMap(([key, amount]) =>
    key.startsWith(prefix) && typeof amount === 'string' ? [[key.slice(prefix.length), amount] as const] : [],
  );
  return charges.length === 0 ? undefined : new Map(charges);
}
