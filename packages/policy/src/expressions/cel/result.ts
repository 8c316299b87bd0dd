// What the library gives, as an attribute's value. Rule: by the type that the checker found; a value that turns out to be of another is a failure.
import { isCelError, isCelMap, type plan } from '@bufbuild/cel';
import { type AttributeValue, Duration, Timestamp, type ValueType } from '../../attributes/value.ts';
import { Failure } from '../failure.ts';
import { checks } from '../istio/step.ts';
import { missingKey } from './cel-library.ts';

type CelResult = ReturnType<ReturnType<typeof plan>>;

export type OffsetOf = (id: bigint | undefined) => number;

export function fromCel(result: CelResult, type: ValueType, offsetOf: OffsetOf): AttributeValue | Failure {
  if (isCelError(result)) {
    return new Failure(result.message, result.message.startsWith(missingKey), offsetOf(result.exprId));
  }
  const value = type === 'STRING_MAP' ? mapOf(result) : scalarOf(result, type);
  return value !== undefined && checks[type](value)
    ? value
    : new Failure(`the value is not of type ${type}, as it had to be`);
}

function scalarOf(result: Exclude<CelResult, Error>, type: ValueType): AttributeValue | undefined {
  if (typeof result === 'string' || typeof result === 'bigint' || typeof result === 'number') return result;
  if (typeof result === 'boolean' || result instanceof Uint8Array) return result;
  if (result === null || typeof result !== 'object' || !('message' in result)) return undefined;
  const { message } = result;
  if (!('seconds' in message) || !('nanos' in message)) return undefined;
  const { seconds, nanos } = message;
  if (typeof seconds !== 'bigint' || typeof nanos !== 'number') return undefined;
  const nanoseconds = seconds * 1_000_000_000n + BigInt(nanos);
  return type === 'TIMESTAMP' ? new Timestamp(nanoseconds) : new Duration(nanoseconds);
}

function mapOf(result: Exclude<CelResult, Error>): AttributeValue | undefined {
  if (!isCelMap(result)) return undefined;
  const map = new Map<string, string>();
  for (const [key, value] of result.entries()) {
    if (typeof key !== 'string' || typeof value !== 'string') return undefined;
    map.set(key, value);
  }
  return map;
}
