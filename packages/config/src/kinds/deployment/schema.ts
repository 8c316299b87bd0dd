// Deployment: how many replicas of which template.
import { andThen, count, integer } from '../../decode/decoder.ts';
import { type Decoded, object, required, withDefault } from '../../decode/object.ts';
import { labelSelector } from '../../values/label-selector.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import { annotations, labels } from '../../values/text-map.ts';
import { defineKind, manifestOf } from '../define.ts';
import { podBody } from '../pod/body.ts';
import type { DeploymentSpec, PodTemplate } from './spec.ts';
import { checkSelector } from './validate.ts';

const templateMetadata = object(
  {
    labels: withDefault<TextMap>(labels, emptyMap),
    annotations: withDefault<TextMap>(annotations, emptyMap),
  },
  { ignored: ['creationTimestamp', 'name', 'namespace', 'generateName', 'finalizers'], isTolerant: true },
);

const noMetadata = { labels: emptyMap, annotations: emptyMap };

const template = andThen(
  object({ metadata: withDefault(templateMetadata, noMetadata), spec: required(podBody) }),
  ({ metadata, spec }): PodTemplate => ({ ...metadata, body: spec }),
);

const shape = {
  replicas: withDefault(integer(0, 10_000), 1),
  selector: required(labelSelector),
  template: required(template),
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
