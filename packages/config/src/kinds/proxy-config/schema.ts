// ProxyConfig: with how many threads and which environment the proxies of some workloads are started.
import { andThen } from '../../decode/decoder.ts';
import { type Decoded, object, optional, withDefault } from '../../decode/object.ts';
import { workloadSelector } from '../../values/label-selector.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import { defineKind, istioNetworking, manifestOf } from '../define.ts';
import { environment } from './environment.ts';
import { concurrency } from './launch.ts';
import type { ProxyConfigSpec } from './spec.ts';

const shape = {
  selector: optional(workloadSelector),
  concurrency: optional(concurrency),
  environmentVariables: withDefault<TextMap>(environment, emptyMap),
};

/** A selector without labels selects everything, as if it were absent. */
function normalize(value: Decoded<typeof shape>): ProxyConfigSpec {
  const { selector, concurrency: threads, environmentVariables } = value;
  return {
    ...(selector === undefined || Object.keys(selector).length === 0 ? {} : { selector }),
    ...(threads === undefined ? {} : { concurrency: threads }),
    environment: environmentVariables,
  };
}

const nothing: ProxyConfigSpec = Object.freeze({ environment: emptyMap });

export const proxyConfigKind = defineKind({
  ...istioNetworking,
  versions: ['v1beta1'],
  kind: 'ProxyConfig',
  plural: 'proxyconfigs',
  shortNames: [],
  body: andThen(
    // Every proxy is the one program that the agent runs: there are no images of it.
    manifestOf(
      {
        spec: withDefault<ProxyConfigSpec>(andThen(object(shape, { inert: ['image'] }), normalize), nothing),
      },
      { ignored: ['status'] },
    ),
    (value) => value.spec,
  ),
});
