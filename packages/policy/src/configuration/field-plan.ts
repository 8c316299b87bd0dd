// The fields of an instance, compiled: expressions where the user wrote text, constants where a number or a boolean.
import { plainMap } from '@xebec/config/decode';
import type { AttributeSource, AttributeValue, ValueType } from '../attributes/value.ts';
import type { Expression } from '../expressions/expression.ts';
import type { InstanceValue } from '../templates/template.ts';

export type FieldPlan =
  | { readonly kind: 'expression'; readonly place: string; readonly expression: Expression }
  | { readonly kind: 'constant'; readonly value: AttributeValue; readonly type: ValueType }
  | { readonly kind: 'fields'; readonly entries: readonly (readonly [name: string, plan: FieldPlan])[] }
  | { readonly kind: 'list'; readonly items: readonly FieldPlan[] };

/** Undefined, and a fault, where an expression has no value. Absent items of lists are left out. */
export function fillField(
  plan: FieldPlan,
  source: AttributeSource,
  faults: string[],
): InstanceValue | undefined {
  switch (plan.kind) {
    case 'constant':
      return plan.value;
    case 'expression': {
      const result = plan.expression.evaluate(source);
      if (result.ok) return result.value;
      faults.push(`${plan.place}: ${result.problem}`);
      return undefined;
    }
    case 'fields':
      return fillFields(plan.entries, source, faults);
    case 'list':
      return plan.items.flatMap((item) => fillField(item, source, faults) ?? []);
  }
}

/** Names come from users: none of them reaches a prototype. */
export function fillFields(
  entries: readonly (readonly [name: string, plan: FieldPlan])[],
  source: AttributeSource,
  faults: string[],
): Record<string, InstanceValue | undefined> {
  const fields = plainMap<InstanceValue | undefined>();
  for (const [name, plan] of entries) {
    const value = fillField(plan, source, faults);
    if (value !== undefined) fields[name] = value;
  }
  return fields;
}
