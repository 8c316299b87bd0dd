// How requests are spread over endpoints: a simple rule or a consistent hash, one of the two.
import { andThen, type Decoder, oneOf } from '../../decode/decoder.ts';
import { type Decoded, object, optional } from '../../decode/object.ts';
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import { consistentHash } from './consistent-hash.ts';
import type { LoadBalancer, SimpleLoadBalancer } from './spec.ts';

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
};

function build(value: Decoded<typeof shape>, walk: Walk): LoadBalancer | undefined {
  if (value.simple !== undefined && value.consistentHash !== undefined) {
    const message = 'simple and consistentHash exclude each other';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'consistentHash');
  }
  const simple = simpleOf(value.simple, walk);
  return { ...(simple === undefined ? {} : { simple }), ...value.consistentHash };
}

export const loadBalancer: Decoder<LoadBalancer> = andThen(
  object(shape, { later: ['localityLbSetting', 'zoneAwareLbSetting', 'warmup', 'warmupDurationSecs'] }),
  build,
);
