// QuotaPlan: a named set of limits, and the consumers that have it.
import { andThen, boolean, type Decoder, list, oneOf, quote, text } from '../../decode/decoder.ts';
import { object, required, withDefault } from '../../decode/object.ts';
import { refuse } from '../../decode/walk.ts';
import { dnsSubdomain } from '../../values/names.ts';
import { defineKind, manifestOf } from '../define.ts';
import { allowanceFields, readAllowance } from '../quota-pool/allowance.ts';
import type { QuotaPlanLimit, QuotaPlanSpec } from './spec.ts';

const consumer: Decoder<string> = andThen(text, (written, walk) => {
  if (written.length > 0 && written.length <= 1_024 && !/\*./.test(written)) return written;
  const message = `${quote(written)} names no consumer`;
  return refuse(walk, { code: 'invalid-name', message, remedy: 'write a name; only its end may be "*"' });
});

const names = withDefault<readonly string[]>(list(consumer, { most: 10_000 }), []);

const consumers = andThen(
  object({ apiKeys: names, identities: names, users: names, others: withDefault(boolean, false) }),
  (value, walk) => {
    const { apiKeys, identities, users, others } = value;
    if (others || apiKeys.length + identities.length + users.length > 0) return value;
    const message = 'nobody has the plan';
    const remedy = 'name apiKeys, identities or users, or write others: true';
    return refuse(walk, { code: 'missing-field', message, remedy });
  },
);

const limit: Decoder<QuotaPlanLimit> = andThen(
  object({
    pool: required(dnsSubdomain),
    per: withDefault(oneOf('CONSUMER', 'PLAN'), 'CONSUMER'),
    ...allowanceFields,
  }),
  ({ pool, per, ...rest }, walk) => {
    const allowance = readAllowance(rest, walk);
    return allowance && { pool, per, allowance };
  },
);

const spec: Decoder<QuotaPlanSpec> = object({
  consumers: required(consumers),
  limits: required(list(limit, { least: 1, most: 100 })),
});

export const quotaPlanKind = defineKind({
  group: 'policy.xebec.io',
  versions: ['v1alpha1'],
  isNamespaced: true,
  kind: 'QuotaPlan',
  plural: 'quotaplans',
  shortNames: ['qplan'],
  body: andThen(manifestOf({ spec: required(spec) }, { ignored: ['status'] }), (value) => value.spec),
});
