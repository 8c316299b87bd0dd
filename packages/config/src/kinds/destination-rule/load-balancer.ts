// How requests are spread over endpoints: a simple rule or a consistent hash, by locality, with a warm-up.
import { andThen, type Decoder, oneOf } from '../../decode/decoder.ts';
import { type Decoded, object, optional } from '../../decode/object.ts';
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import { consistentHash } from './consistent-hash.ts';
import { localitySetting } from './locality.ts';
import type { LoadBalancer, SimpleLoadBalancer } from './spec.ts';
import { warmupFields, warmupOf } from './transport.ts';

const words = ['UNSPECIFIED', 'LEAST_CONN', 'LEAST_REQUEST', 'ROUND_ROBIN', 'RANDOM', 'PASSTHROUGH'] as const;
type Word = (typeof words)[number];

function simpleOf(word: Word | undefined, walk: Walk): SimpleLoadBalancer | undefined {
  if (word === undefined || word === 'UNSPECIFIED') return undefined;
  if (word !== 'LEAST_CONN') return word;
  const message = 'LEAST_CONN is the old name of LEAST_REQUEST';
  caution(walk, { code: 'deprecated', message, remedy: 'write LEAST_REQUEST' }, 'simple');
  return 'LEAST_REQUEST';
}

const shape = {
  simple: optional(oneOf(...words)),
  consistentHash: optional(consistentHash),
  localityLbSetting: optional(localitySetting),
  ...warmupFields,
};

function build(value: Decoded<typeof shape>, walk: Walk): LoadBalancer | undefined {
  if (value.simple !== undefined && value.consistentHash !== undefined) {
    const message = 'simple and consistentHash exclude each other';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'consistentHash');
  }
  const simple = simpleOf(value.simple, walk);
  const balancer = { ...(simple === undefined ? {} : { simple }), ...value.consistentHash };
  const warmup = warmupOf(value, balancer, walk);
  if (warmup === 'refused') return undefined;
  return {
    ...balancer,
    ...(warmup === undefined ? {} : { warmup }),
    ...(value.localityLbSetting === undefined ? {} : { locality: value.localityLbSetting }),
  };
}

export const loadBalancer: Decoder<LoadBalancer> = andThen(
  object(shape, { later: ['zoneAwareLbSetting'] }),
  build,
);
