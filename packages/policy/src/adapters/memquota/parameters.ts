// Parameters of memquota, with Mixer's names: quotas with overrides. Without `validDuration` a quota is a total that only comes back when it is given back.
import {
  andThen,
  type Decoded,
  type Decoder,
  decodeWith,
  durationOrZero,
  list,
  object,
  optional,
  required,
  text,
  withDefault,
} from '@xebec/config/decode';
import type { Result } from '@xebec/std';
import { defaultSlots, type Limit } from '../../quotas/limit.ts';
import type { QuotaDefinition } from '../../quotas/limits/definition.ts';
import { dimensionMap, limitAmount, mode, modeOf } from '../../quotas/limits/fields.ts';

export interface MemquotaConfig {
  readonly quotas: readonly QuotaDefinition[];
  readonly deduplicationMs: number;
}

const window = {
  maxAmount: withDefault(limitAmount, 0n),
  validDuration: withDefault(durationOrZero, 0),
};

const toLimit = ({ maxAmount, validDuration }: Decoded<typeof window>): Limit =>
  validDuration === 0
    ? { kind: 'total', amount: maxAmount }
    : { kind: 'rolling', amount: maxAmount, windowMs: validDuration, slots: defaultSlots };

const override = andThen(object({ dimensions: required(dimensionMap), ...window }), (value) => ({
  dimensions: value.dimensions,
  limit: toLimit(value),
}));

const quota: Decoder<QuotaDefinition> = andThen(
  object({ name: required(text), ...window, mode, overrides: optional(list(override, { most: 1_000 })) }),
  ({ name, overrides = [], mode: written, ...rest }) => ({
    name,
    limit: toLimit(rest),
    overrides,
    ...modeOf(written),
  }),
);

const parameters: Decoder<MemquotaConfig> = andThen(
  object({
    quotas: required(list(quota, { least: 1, most: 1_000 })),
    minDeduplicationDuration: withDefault(durationOrZero, 1_000),
  }),
  ({ quotas, minDeduplicationDuration }) => ({
    quotas,
    // Below a second a retry would be charged again.
    deduplicationMs: Math.max(1_000, minDeduplicationDuration),
  }),
);

export const parseMemquota = (params: unknown): Result<MemquotaConfig> => decodeWith(parameters, params);
