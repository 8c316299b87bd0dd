// An object of a kind: an example with a few changes, or one made from the kind's description alone.
import type { KindDefinition } from '../../../packages/config/src/index.ts';
import { examplesOf, type Manifest, type Pool, poolOf } from './corpus.ts';
import { makeValue } from './make-value.ts';
import { mutate } from './mutate.ts';
import { type Dice, isRare, pick } from './odd-values.ts';

type Kind = Pick<KindDefinition, 'kind' | 'body'>;

export type MakeObject = (dice: Dice) => unknown;

export function objectMaker({ kind, body }: Kind): MakeObject {
  const examples = examplesOf(kind);
  const pool: Pool = poolOf(kind);
  return (dice) => {
    const making = { dice, pool, oddOneIn: 25 };
    const example: Manifest = pick(dice, examples) ?? {};
    if (!isRare(dice, 4)) return mutate(example, body, making, 1 + dice(4));
    const made: unknown = makeValue(body, '', making);
    const { apiVersion, metadata } = example;
    return typeof made === 'object' ? { ...made, apiVersion, kind, metadata } : made;
  };
}
