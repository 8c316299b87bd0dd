// Evaluates label selectors.
import type { LabelRequirement, LabelSelector, TextMap } from './shapes.ts';

/** Every wanted label is there with its value. */
export function matchesLabels(wanted: TextMap, labels: TextMap): boolean {
  for (const key of Object.keys(wanted)) {
    if (!Object.hasOwn(labels, key) || labels[key] !== wanted[key]) return false;
  }
  return true;
}

/** `matchLabels` and all of `matchExpressions` hold. */
export const matchesSelector = (selector: LabelSelector, labels: TextMap): boolean =>
  matchesLabels(selector.matchLabels, labels) &&
  selector.matchExpressions.every((rule) => meetsRequirement(rule, labels));

function meetsRequirement({ key, operator, values }: LabelRequirement, labels: TextMap): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
