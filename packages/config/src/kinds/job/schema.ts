// Job: Pods that end. Their proxy ends with them.
import { andThen, boolean, integer } from '../../decode/decoder.ts';
import { type Decoded, object, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { defineKind, manifestOf } from '../define.ts';
import { podTemplate } from '../deployment/template.ts';
import type { JobSpec } from './spec.ts';

const shape = {
  completions: withDefault(integer(0, 10_000), 1),
  parallelism: withDefault(integer(0, 1_000), 1),
  backoffLimit: withDefault(integer(0, 1_000), 6),
  suspend: withDefault(boolean, false),
  template: required(podTemplate),
};

/** The platform's bookkeeping; how long a finished Job is kept. */
const ignored = [
  'selector',
  'manualSelector',
  'ttlSecondsAfterFinished',
  'completionMode',
  'podReplacementPolicy',
];
const later = [
  'activeDeadlineSeconds',
  'podFailurePolicy',
  'successPolicy',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
];

function check({ suspend: isSuspended, ...spec }: Decoded<typeof shape>, walk: Walk): JobSpec | undefined {
  if (spec.template.body.restartPolicy !== 'Always') return { ...spec, isSuspended };
  return refuse(
    walk,
    {
      code: 'unknown-value',
      message: 'Pods of a Job end, so they are not restarted always',
      remedy: 'write restartPolicy: Never or OnFailure',
    },
    'template',
    'spec',
    'restartPolicy',
  );
}

export const jobKind = defineKind({
  kind: 'Job',
  group: 'batch',
  versions: ['v1'],
  plural: 'jobs',
  shortNames: [],
  isNamespaced: true,
  body: andThen(
    manifestOf(
      { spec: required(andThen(object(shape, { ignored, later, isTolerant: true }), check)) },
      { ignored: ['status'], isTolerant: true },
    ),
    (value) => value.spec,
  ),
});
