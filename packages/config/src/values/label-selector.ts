// Kubernetes' and Istio's label selectors.
import { andThen, list, oneOf, text } from '../decode/decoder.ts';
import { object, required, withDefault } from '../decode/object.ts';
import { refuse, type Walk } from '../decode/walk.ts';
import { checkQualifiedName } from './names.ts';
import { emptyMap } from './plain-map.ts';
import type { LabelRequirement, LabelSelector, TextMap } from './shapes.ts';
import { labels } from './text-map.ts';

const labelKey = andThen(text, (key, walk) => {
  const complaint = checkQualifiedName(key);
  return complaint === undefined ? key : refuse(walk, complaint);
});

const requirement = andThen(
  object({
    key: required(labelKey),
    operator: required(oneOf('In', 'NotIn', 'Exists', 'DoesNotExist')),
    values: withDefault<readonly string[]>(list(text), []),
  }),
  checkValues,
);

function checkValues(rule: LabelRequirement, walk: Walk): LabelRequirement | undefined {
  const needsValues = rule.operator === 'In' || rule.operator === 'NotIn';
  if (needsValues === rule.values.length > 0) return rule;
  return refuse(
    walk,
    {
      code: 'conflicting-fields',
      message: `"${rule.operator}" goes ${needsValues ? 'with at least one value' : 'without values'}`,
      remedy: needsValues ? 'add values' : 'remove values',
    },
    'values',
  );
}

/** `matchLabels` and `matchExpressions`. */
export const labelSelector = object(
  {
    matchLabels: withDefault<TextMap>(labels, emptyMap),
    matchExpressions: withDefault<readonly LabelRequirement[]>(list(requirement), []),
  },
  { isTolerant: true },
) satisfies (value: unknown, walk: Walk) => LabelSelector | undefined;

/** Istio's selector of workloads: `matchLabels` only, no wildcards. */
export const workloadSelector = andThen(
  object({ matchLabels: withDefault<TextMap>(labels, emptyMap) }),
  ({ matchLabels }) => matchLabels,
);
