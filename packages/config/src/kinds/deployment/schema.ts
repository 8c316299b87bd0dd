// Deployment: how many replicas of which template.
import { andThen, count, integer } from '../../decode/decoder.ts';
import { type Decoded, object, required, withDefault } from '../../decode/object.ts';
import { labelSelector } from '../../values/label-selector.ts';
import { defineKind, manifestOf } from '../define.ts';
import type { DeploymentSpec } from './spec.ts';
import { podTemplate } from './template.ts';
import { checkSelector } from './validate.ts';

const shape = {
  replicas: withDefault(integer(0, 10_000), 1),
  selector: required(labelSelector),
  template: required(podTemplate),
  minReadySeconds: withDefault(count, 0),
};

const ignored = ['paused', 'progressDeadlineSeconds', 'revisionHistoryLimit', 'strategy'];

const normalize = (value: Decoded<typeof shape>): DeploymentSpec => ({
  replicas: value.replicas,
  selector: value.selector,
  template: value.template,
  minReadyMs: value.minReadySeconds * 1_000,
});

const spec = andThen(object(shape, { ignored, isTolerant: true }), (value, walk) =>
  checkSelector(normalize(value), walk),
);

export const deploymentKind = defineKind({
  kind: 'Deployment',
  group: 'apps',
  versions: ['v1'],
  plural: 'deployments',
  shortNames: ['deploy'],
  isNamespaced: true,
  body: andThen(
    manifestOf({ spec: required(spec) }, { ignored: ['status'], isTolerant: true }),
    (value) => value.spec,
  ),
});
