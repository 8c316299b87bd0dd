// An object of a kind: an example with a few changes, or one made from the kind's description alone.
import { type KindDefinition, parseDocuments } from '../../../packages/config/src/index.ts';
import { meshConfig } from '../../../packages/config/src/kinds/config-map/mesh-config.ts';
import { examplesOf, type Manifest, type Pool, poolFrom, poolOf } from './corpus.ts';
import { makeValue } from './make-value.ts';
import { mutate } from './mutate.ts';
import { type Dice, isRare, pick } from './odd-values.ts';

type Kind = Pick<KindDefinition, 'kind' | 'body'>;

export type MakeObject = (dice: Dice) => unknown;

export const objectMaker = (kind: Kind): MakeObject =>
  kind.kind === 'ConfigMap' ? withSettings(plainMaker(kind)) : plainMaker(kind);

/** Some inputs are odd in many places, some nearly nowhere: those reach far. */
const rarities = [1_000, 100, 25, 8] as const;

/** The settings of the mesh are a text inside an object, described for themselves. */
function withSettings(makePlain: MakeObject): MakeObject {
  const [example = {}] = examplesOf('ConfigMap');
  const written: unknown = Reflect.get(Object(example['data']), 'mesh');
  const [settings] = parseDocuments(String(written), 'mesh.yaml').objects.map(({ value }) => value);
  const pool = poolFrom([settings]);
  return (dice) => {
    if (!isRare(dice, 3)) return makePlain(dice);
    const making = { dice, pool, oddOneIn: pick(dice, rarities) };
    const made = isRare(dice, 3)
      ? makeValue(meshConfig, '', making)
      : mutate(settings, meshConfig, making, 1 + dice(3));
    return { ...example, data: { mesh: JSON.stringify(made) } };
  };
}

function plainMaker({ kind, body }: Kind): MakeObject {
  const examples = examplesOf(kind);
  const pool: Pool = poolOf(kind);
  return (dice) => {
    const making = { dice, pool, oddOneIn: pick(dice, rarities) };
    const example: Manifest = pick(dice, examples) ?? {};
    if (!isRare(dice, 4)) return mutate(example, body, making, 1 + dice(4));
    const made: unknown = makeValue(body, '', making);
    const { apiVersion, metadata } = example;
    return typeof made === 'object' ? { ...made, apiVersion, kind, metadata } : made;
  };
}
