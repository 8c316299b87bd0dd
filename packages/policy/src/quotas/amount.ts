// Amounts of quota: whole numbers that fit int64. What does not fit is refused or kept at the largest, never wrapped.
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';

export const largestAmount: bigint = (1n << 63n) - 1n;
export const smallestAmount: bigint = -(1n << 63n);

export const isInt64 = (amount: bigint): boolean => amount >= smallestAmount && amount <= largestAmount;

/** The sum, kept within int64; `hasOverflowed` says that it was not the true one. */
export function addSaturating(
  left: bigint,
  right: bigint,
): { readonly sum: bigint; readonly hasOverflowed: boolean } {
  const sum = left + right;
  if (sum > largestAmount) return { sum: largestAmount, hasOverflowed: true };
  if (sum < smallestAmount) return { sum: smallestAmount, hasOverflowed: true };
  return { sum, hasOverflowed: false };
}

/**
 * An amount as JSON or an attribute may give it: a bigint, a whole number, or digits. Fractions are refused: rounding
 * would make many small charges free or dear; whoever measures fractions charges in a smaller unit.
 */
export function parseAmount(value: unknown): Result<bigint> {
  if (typeof value === 'bigint') return isInt64(value) ? succeed(value) : fail(tooLarge);
  if (typeof value === 'number') return parseNumber(value);
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return parseAmount(BigInt(value));
  if (typeof value === 'string' && /^-?\d{20,}$/.test(value)) return fail(tooLarge);
  if (typeof value === 'string' && /^-?\d+\.\d+$/.test(value)) return fail(fraction);
  return fail(noNumber);
}

function parseNumber(value: number): Result<bigint> {
  if (Number.isSafeInteger(value)) return succeed(BigInt(value));
  if (Number.isNaN(value)) return fail(noNumber);
  return fail(Number.isInteger(value) || !Number.isFinite(value) ? tooLarge : fraction);
}

const problem = (code: string, message: string, remedy: string): Diagnostic => ({
  severity: 'error',
  code,
  message,
  remedy,
});

const fraction = problem(
  'fractional-amount',
  'an amount of quota is a whole number',
  'charge in a smaller unit, such as milliseconds instead of seconds',
);
const tooLarge = problem(
  'amount-out-of-range',
  'the amount does not fit a 64-bit whole number, or is a JSON number too large to be exact',
  'write it as text between -9223372036854775808 and 9223372036854775807',
);
const noNumber = problem('invalid-amount', 'this is not an amount of quota', 'write a whole number');

/** `Math.min` knows no bigint. */
export const lesser = (left: bigint, right: bigint): bigint => (left < right ? left : right);
