// DestinationRule: subsets of a host, and how to talk to it.
import { andThen, list } from '../../decode/decoder.ts';
import { object, optional, required, withDefault } from '../../decode/object.ts';
import { exportTo, exportToDefault } from '../../values/export-to.ts';
import { hostName } from '../../values/host.ts';
import { workloadSelector } from '../../values/label-selector.ts';
import { dnsLabel } from '../../values/names.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { ExportTo, TextMap } from '../../values/shapes.ts';
import { labels } from '../../values/text-map.ts';
import { defineKind, istioNetworking, manifestOf } from '../define.ts';
import { trafficPolicy } from './policy.ts';
import type { SubsetSpec } from './spec.ts';
import { checkSubsets } from './validate.ts';

const subset = object({
  name: required(dnsLabel),
  labels: withDefault<TextMap>(labels, emptyMap),
  trafficPolicy: optional(trafficPolicy),
});

const spec = object({
  host: required(hostName({ wildcard: true, any: true })),
  trafficPolicy: optional(trafficPolicy),
  subsets: withDefault<readonly SubsetSpec[]>(andThen(list(subset, { most: 1_000 }), checkSubsets), []),
  exportTo: withDefault<ExportTo>(exportTo, exportToDefault),
  workloadSelector: optional(workloadSelector),
});

export const destinationRuleKind = defineKind({
  ...istioNetworking,
  kind: 'DestinationRule',
  plural: 'destinationrules',
  shortNames: ['dr'],
  body: andThen(manifestOf({ spec: required(spec) }, { ignored: ['status'] }), (value) => value.spec),
});
