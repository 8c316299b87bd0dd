// Conditions that a proxy can test, in disjunctive normal form. Rule: bounded; what grows too large is not expressed.
import type { AuthorizationAttribute, AuthorizationTest, TextPattern } from '@xebec/model';

/** All of them hold. */
export type Alternative = readonly AuthorizationTest[];
/** One of them holds; none: never. */
export type Alternatives = readonly Alternative[];

export const never: Alternatives = [];
export const always: Alternatives = [[]];

const mostAlternatives = 64;

export const either = (...of: readonly Alternatives[]): Alternatives => of.flat();

/** Undefined when it would be too large. */
export function both(left: Alternatives, right: Alternatives): Alternatives | undefined {
  if (left.length * right.length > mostAlternatives) return undefined;
  return left.flatMap((first) => right.map((second) => [...first, ...second]));
}

export const isSmall = (alternatives: Alternatives): boolean => alternatives.length <= mostAlternatives;

export const holds = (
  attribute: AuthorizationAttribute,
  ...values: readonly TextPattern[]
): AuthorizationTest => ({
  attribute,
  values,
  isNegated: false,
});

export const negated = (test: AuthorizationTest): AuthorizationTest => ({
  ...test,
  isNegated: !test.isNegated,
});

/** There is a value at all. */
export const isPresent = (attribute: AuthorizationAttribute): AuthorizationTest =>
  holds(attribute, { kind: 'present' });
