// Values as OTLP's JSON writes them: whole numbers of 64 bits as text.
import type { InstanceValue } from '../../templates/template.ts';
import { numberOf, textOf } from '../texts.ts';

const anyValue = (value: InstanceValue | undefined) => {
  if (typeof value === 'bigint') return { intValue: String(value) };
  if (typeof value === 'boolean') return { boolValue: value };
  const amount = typeof value === 'string' ? undefined : numberOf(value);
  if (amount !== undefined && Number.isFinite(amount)) return { doubleValue: amount };
  return { stringValue: textOf(value) };
};

export const keyValues = (fields: Readonly<Record<string, InstanceValue | undefined>>) =>
  Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: anyValue(value) }],
  );

export type KeyValues = ReturnType<typeof keyValues>;

/** Nanoseconds since 1970. */
export const nanoseconds = (milliseconds: number): string =>
  String(BigInt(Math.trunc(milliseconds)) * 1_000_000n);
