// Rules for what a call only passes on its way. Rule: they name it, since everything else is decided where the call ends, and once.
import type { AttributeSource } from '../attributes/value.ts';
import type { Expression } from '../expressions/expression.ts';
import { namesDestination } from '../plan/names-destination.ts';

/** Whether a match that holds would not hold if nothing were known of the destination. */
export function isAboutDestination(match: Expression | undefined, source: AttributeSource): boolean {
  const result = match?.evaluate(anywhere(source));
  return result !== undefined && !(result.ok && result.value === true);
}

const anywhere = (source: AttributeSource): AttributeSource => ({
  get: (name) => (namesDestination(name) ? undefined : source.get(name)),
  hasMap: (name) => !namesDestination(name) && source.hasMap(name),
  getKey: (name, key) => (namesDestination(name) ? undefined : source.getKey(name, key)),
});
