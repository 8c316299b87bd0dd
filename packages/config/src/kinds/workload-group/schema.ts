// WorkloadGroup: workloads outside the platform that join by themselves.
import { andThen, type Decoder } from '../../decode/decoder.ts';
import { object, optional, required, withDefault } from '../../decode/object.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import { annotations, labels } from '../../values/text-map.ts';
import { defineKind, istioNetworking, manifestOf } from '../define.ts';
import { probe } from '../pod/probe.ts';
import { workloadTemplate } from '../workload-entry/schema.ts';
import type { WorkloadGroupSpec } from './spec.ts';
import { checkProbe } from './validate.ts';

const metadata = object({
  labels: withDefault<TextMap>(labels, emptyMap),
  annotations: withDefault<TextMap>(annotations, emptyMap),
});

const spec: Decoder<WorkloadGroupSpec> = andThen(
  object({
    metadata: withDefault(metadata, { labels: emptyMap, annotations: emptyMap }),
    template: required(workloadTemplate),
    probe: optional(andThen(probe, checkProbe)),
  }),
  ({ metadata: { labels: own, annotations: notes }, template, probe: check }) => ({
    labels: own,
    annotations: notes,
    template: { ...template, serviceAccount: template.serviceAccount || 'default' },
    ...(check === undefined ? {} : { probe: check }),
  }),
);

export const workloadGroupKind = defineKind({
  ...istioNetworking,
  kind: 'WorkloadGroup',
  plural: 'workloadgroups',
  shortNames: ['wg'],
  body: andThen(manifestOf({ spec: required(spec) }, { ignored: ['status'] }), (value) => value.spec),
});
