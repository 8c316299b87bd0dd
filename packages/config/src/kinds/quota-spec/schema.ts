// QuotaSpec: which quotas a request takes from; a QuotaSpecBinding says for which services.
import { andThen, type Decoder, integer, list, mapOf } from '../../decode/decoder.ts';
import { object, required, withDefault } from '../../decode/object.ts';
import { refuse } from '../../decode/walk.ts';
import { nonEmptyStringMatch } from '../../values/string-match.ts';
import { definePolicyKind } from '../define-policy.ts';
import { checkAttributeName, policyReference } from '../policy-values.ts';
import type { QuotaSpecRule, QuotaSpecSpec, TextMatch } from './spec.ts';

/** `request.headers[x-user]` names one entry of a map. */
const checkClauseKey = (name: string) => checkAttributeName(name.replace(/\[[^[\]"'\s]{1,256}\]$/, ''));

const match: Decoder<TextMatch> = andThen(nonEmptyStringMatch, ({ ...found }, walk) =>
  found.kind === 'present'
    ? refuse(walk, {
        code: 'missing-field',
        message: 'matches nothing',
        remedy: 'write exact, prefix or regex',
      })
    : found,
);

const clause: Decoder<Readonly<Record<string, TextMatch>>> = andThen(
  object({ clause: required(mapOf(match, checkClauseKey, 100)) }),
  (value, walk) =>
    Object.keys(value.clause).length > 0
      ? value.clause
      : refuse(
          walk,
          {
            code: 'missing-field',
            message: 'the clause is empty',
            remedy: 'add an attribute, or leave out "match" to match every request',
          },
          'clause',
        ),
);

const quota = object({
  quota: required(policyReference),
  charge: withDefault(integer(1, Number.MAX_SAFE_INTEGER), 1),
});

const rule: Decoder<QuotaSpecRule> = object({
  match: withDefault<readonly Readonly<Record<string, TextMatch>>[]>(list(clause, { most: 1_000 }), []),
  quotas: required(list(quota, { least: 1, most: 100 })),
});

const spec: Decoder<QuotaSpecSpec> = object({ rules: required(list(rule, { least: 1, most: 1_000 })) });

export const quotaSpecKind = definePolicyKind('QuotaSpec', 'quotaspecs', spec);
