// rule: an expression over attributes, and what happens where it holds.
import { andThen, type Decoder, list, oneOf, quote, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { definePolicyKind } from '../define-policy.ts';
import { expression, policyReference, readLanguage, refuseAnnotation } from '../policy-values.ts';
import { sampling } from './sampling.ts';
import type { HeaderOperationTemplate, PolicyRuleSpec, RuleAction } from './spec.ts';

const failureAnnotation = 'policy.xebec.io/failure-policy';

const actionName: Decoder<string> = andThen(text, (name, walk) =>
  /^([A-Za-z_]\w{0,62})?$/.test(name)
    ? name
    : refuse(walk, {
        code: 'invalid-name',
        message: `${quote(name)} cannot be named in an expression`,
        remedy: 'use letters, digits and "_", such as keyval',
      }),
);

const action: Decoder<RuleAction> = object({
  handler: required(policyReference),
  instances: required(list(policyReference, { least: 1, most: 100 })),
  name: withDefault(actionName, ''),
});

const headerName: Decoder<string> = andThen(text, (name, walk) =>
  name.length <= 256 && /^:?[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name)
    ? name
    : refuse(walk, {
        code: 'invalid-header',
        message: `${quote(name)} is not a header name`,
        remedy: 'use letters, digits and dashes, such as x-user',
      }),
);

const headerOperation: Decoder<HeaderOperationTemplate> = andThen(
  object({
    name: required(headerName),
    values: withDefault<readonly string[]>(list(expression, { most: 100 }), []),
    operation: withDefault(oneOf('REPLACE', 'REMOVE', 'APPEND'), 'REPLACE'),
  }),
  (value, walk) => {
    if ((value.operation === 'REMOVE') === (value.values.length === 0)) return value;
    const isRemoval = value.operation === 'REMOVE';
    const message = isRemoval ? 'REMOVE goes without values' : `${value.operation} needs a value`;
    const remedy = isRemoval ? 'remove them' : 'add an expression to "values"';
    return refuse(walk, { code: 'conflicting-fields', message, remedy }, 'values');
  },
);

const headerOperations = withDefault<readonly HeaderOperationTemplate[]>(
  list(headerOperation, { most: 100 }),
  [],
);

const shape = {
  match: withDefault(expression, ''),
  actions: withDefault<readonly RuleAction[]>(list(action, { most: 100 }), []),
  requestHeaderOperations: headerOperations,
  responseHeaderOperations: headerOperations,
  sampling: optional(sampling),
};

function readFailurePolicy(walk: Walk): Pick<PolicyRuleSpec, 'failurePolicy'> | undefined {
  const written = walk.metadata.annotations[failureAnnotation];
  if (written === undefined) return {};
  if (written === 'open' || written === 'close') return { failurePolicy: written };
  return refuseAnnotation(walk, failureAnnotation, 'open or close');
}

function nameTwice({ actions }: Decoded<typeof shape>): number {
  const names = actions.map(({ name }) => name);
  return names.findIndex((name, at) => name !== '' && names.indexOf(name) < at);
}

function check(value: Decoded<typeof shape>, walk: Walk): PolicyRuleSpec | undefined {
  const language = readLanguage(walk);
  const failurePolicy = readFailurePolicy(walk);
  if (language === undefined || failurePolicy === undefined) return undefined;
  const { actions, requestHeaderOperations, responseHeaderOperations } = value;
  if (actions.length + requestHeaderOperations.length + responseHeaderOperations.length === 0) {
    const message = 'the rule does nothing';
    return refuse(walk, { code: 'missing-field', message, remedy: 'add "actions"' });
  }
  const twice = nameTwice(value);
  if (twice >= 0) {
    const message = `two actions are named ${quote(actions[twice]?.name ?? '')}`;
    const complaint = { code: 'duplicate-name', message, remedy: 'rename one of them' };
    return refuse(walk, complaint, 'actions', twice, 'name');
  }
  return { ...value, ...failurePolicy, ...language };
}

const spec: Decoder<PolicyRuleSpec> = andThen(object(shape), check);

export const ruleKind = definePolicyKind('rule', 'rules', spec);
