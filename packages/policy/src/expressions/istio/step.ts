// One step of an evaluation: a function of the attributes.
import type { AttributeSource, AttributeValue, ValueType } from '../../attributes/value.ts';
import { Duration, Timestamp } from '../../attributes/value.ts';
import { absent, Failure, showValue } from '../failure.ts';
import type { AttributeSyntax } from './syntax.ts';

/** A value, a failure, or `undefined` for what is absent; a required step never gives `undefined`. */
export type Step = (attributes: AttributeSource) => AttributeValue | Failure | undefined;

/** `optional`: stands before a `|`, where what is absent is no failure. */
export type Need = 'required' | 'optional';

/** Whether a value can be of a type. */
export const checks: Readonly<Record<ValueType, (value: AttributeValue) => boolean>> = {
  STRING: (value) => typeof value === 'string',
  EMAIL_ADDRESS: (value) => typeof value === 'string',
  URI: (value) => typeof value === 'string',
  DNS_NAME: (value) => typeof value === 'string',
  INT64: (value) => typeof value === 'bigint',
  DOUBLE: (value) => typeof value === 'number',
  BOOL: (value) => typeof value === 'boolean',
  DURATION: (value) => value instanceof Duration,
  TIMESTAMP: (value) => value instanceof Timestamp,
  IP_ADDRESS: (value) => value instanceof Uint8Array,
  STRING_MAP: (value) => value instanceof Map,
};

const typeWords: Readonly<Partial<Record<ValueType, string>>> = {
  STRING: 'string',
  EMAIL_ADDRESS: 'string',
  URI: 'string',
  DNS_NAME: 'string',
  INT64: 'integer or duration',
  DURATION: 'integer or duration',
  DOUBLE: 'double',
  BOOL: 'bool',
};

/** An attribute of a type. */
export function readVariable({ name, offset }: AttributeSyntax, type: ValueType, need: Need): Step {
  const missing = need === 'optional' ? undefined : absent(name, offset);
  const isRight = checks[type];
  return (attributes) => {
    const value = attributes.get(name);
    if (value === undefined) return missing;
    if (isRight(value)) return value;
    const problem = `error converting value to ${typeWords[type] ?? type}: '${showValue(value)}'`;
    return new Failure(problem, false, offset);
  };
}
