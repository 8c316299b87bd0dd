// What is wrong with an EnvoyFilter that was accepted: Envoy refuses it, or a patch of it fits nowhere on the proxies it is for.
import { nearMisses } from '@xebec/envoy';
import type { ObjectKey } from '@xebec/model';
import type { Diagnostic } from '@xebec/std';
import type { Pipeline } from '../pipeline.ts';

/** A problem that shows only once an object is used, with the proxies that have it (at most some). */
export interface ObjectProblem extends Diagnostic {
  readonly proxies: readonly string[];
}

const shownProxies = 20;

/** What is looked at: the pipeline of a mesh that runs, or one made of files. */
export type FilterScene = Pick<Pipeline, 'mesh' | 'patches' | 'patchGate' | 'views' | 'resources'> & {
  readonly store: Pick<Pipeline['store'], 'source' | 'locate'>;
};

export function filterProblems(pipeline: FilterScene, key: ObjectKey): readonly ObjectProblem[] {
  const written = pipeline.store.source('EnvoyFilter').get(key);
  const { patchGate, patches } = pipeline;
  if (written === undefined) return [];
  if (patchGate?.held.has(key) === true) return [heldProblem(pipeline, key)];
  return written.spec.patches.flatMap((patch, position) => {
    if (patch.applyTo === 'BOOTSTRAP') return [];
    const id = `${key}#spec.configPatches[${position}]`;
    const holders = holdersOf(pipeline, key, position);
    if (holders.length === 0 || patches.placesOf(id) > 0) return [];
    return [unmatched(pipeline, id, holders)];
  });
}

/** Proxies that are to have a patch. */
function holdersOf({ mesh }: FilterScene, object: ObjectKey, position?: number): readonly string[] {
  return [...mesh.patchSets.entries()]
    .filter(([, { patches }]) =>
      patches.some(
        (each) => each.object === object && (position === undefined || each.position === position),
      ),
    )
    .map(([client]) => client);
}

function placeOf({ store }: FilterScene, key: ObjectKey, field?: string): Pick<Diagnostic, 'origin'> {
  const origin = store.locate(key, field);
  return origin === undefined ? {} : { origin };
}

function heldProblem(pipeline: FilterScene, key: ObjectKey): ObjectProblem {
  const hold = pipeline.patchGate?.held.get(key);
  const kind = hold?.typeUrl.slice(hold.typeUrl.lastIndexOf('.') + 1) ?? '';
  const stays =
    hold?.lastGood === undefined ? 'nothing of it is in force' : 'its last good value stays in force';
  const isRefused = hold?.code === 'refused-by-envoy';
  return {
    ...placeOf(pipeline, key),
    severity: 'error',
    code: hold?.code ?? 'refused-by-envoy',
    message: isRefused
      ? `Envoy refuses what this makes of ${kind} ${hold?.resource ?? ''}: ${hold?.message ?? ''}; ${stays}`
      : `what this makes of ${kind} ${hold?.resource ?? ''} was not checked: ${hold?.message ?? ''}; ${stays}`,
    remedy: isRefused
      ? 'correct the value of the patch'
      : 'give the control plane an Envoy (ENVOY_PATH), or let it apply patches unchecked: --unverified-patches apply',
    proxies: holdersOf(pipeline, key).slice(0, shownProxies),
  };
}

function unmatched(pipeline: FilterScene, id: string, holders: readonly string[]): ObjectProblem {
  const field = id.slice(id.indexOf('#') + 1);
  const count = holders.length === 1 ? 'the one proxy' : `the ${holders.length} proxies`;
  return {
    ...placeOf(pipeline, id.slice(0, id.indexOf('#')) as ObjectKey, field),
    severity: 'error',
    code: 'matches-nothing',
    field,
    message: `matched 0 places on ${count} it selects${nearest(pipeline, id, holders)}`,
    remedy: 'correct the match, or remove the patch',
    proxies: holders.slice(0, shownProxies),
  };
}

/** Proxies whose configuration is looked through for what a patch may have meant. */
const comparedProxies = 10;

/** What the proxies have where the patch was looked for. */
function nearest(pipeline: FilterScene, id: string, holders: readonly string[]): string {
  const { patches, mesh } = pipeline;
  const near = holders.slice(0, comparedProxies).flatMap((client) => {
    const program = patches.programs.get(mesh.patchSets.get(client)?.id ?? '');
    const ready = program?.patches.find((each) => each.id === id);
    if (program === undefined || ready === undefined) return [];
    return nearMisses(ready, program.role, resourcesOf(pipeline, client)) ?? [];
  });
  const [best] = near.sort((left, right) => right.depth - left.depth);
  return best === undefined ? '' : `: no ${best.what} fits; there are ${best.seen.join(', ')}`;
}

const looked = 500;

function* resourcesOf({ views, resources }: FilterScene, client: string) {
  const layers = views.get(client)?.layers ?? {};
  let left = looked;
  for (const { typeUrl, resources: collection } of resources) {
    const seen = new Set((layers[typeUrl] ?? []).map(({ layer }) => layer));
    for (const [key, resource] of collection.entries()) {
      const layer = key.slice(0, key.indexOf('|'));
      if (!seen.has(layer) || layer.startsWith('patch:') || left-- <= 0) continue;
      yield [typeUrl, resource] as const;
    }
  }
}
