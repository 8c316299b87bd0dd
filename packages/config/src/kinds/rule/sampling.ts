// Which of the calls that match a rule are reported: a share of them, or so many in a time and then a share.
import { andThen, boolean, type Decoder, integer, oneOf } from '../../decode/decoder.ts';
import { object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse } from '../../decode/walk.ts';
import { positiveDuration } from '../../values/duration.ts';
import { expression } from '../policy-values.ts';
import type { RuleSampling } from './spec.ts';

const denominators = { HUNDRED: 100, TEN_THOUSAND: 10_000 } as const;

const percent: Decoder<number> = andThen(
  object({
    numerator: withDefault(integer(0, 1_000_000), 0),
    denominator: withDefault(oneOf('HUNDRED', 'TEN_THOUSAND'), 'HUNDRED'),
  }),
  ({ numerator, denominator }, walk) => {
    const share = (numerator / denominators[denominator]) * 100;
    if (share <= 100) return share;
    const message = `${numerator} of ${denominators[denominator]} is more than all`;
    return refuse(walk, { code: 'out-of-range', message, remedy: 'write a smaller numerator' }, 'numerator');
  },
);

const random = andThen(
  object({
    attributeExpression: withDefault(expression, ''),
    percentSampled: required(percent),
    useIndependentRandomness: withDefault(boolean, false),
  }),
  ({ attributeExpression, percentSampled, useIndependentRandomness }) => ({
    percent: percentSampled,
    attribute: attributeExpression,
    useIndependentRandomness,
  }),
);

const rateLimit = andThen(
  object({
    samplingDuration: required(positiveDuration),
    maxUnsampledEntries: withDefault(integer(0, 0x7fff_ffff), 0),
    samplingRate: withDefault(integer(1, 0x7fff_ffff), 1),
  }),
  ({ samplingDuration, ...rest }) => ({ samplingDurationMs: samplingDuration, ...rest }),
);

export const sampling: Decoder<RuleSampling> = object({
  random: optional(random),
  rateLimit: optional(rateLimit),
});
