// The view of a proxy that has patches: above each layer one with what they change there, and on top what they add.
import type { LayerUse, ProxyView } from '../views.ts';
import type { PatchUse } from './build-programs.ts';

/** Layer of what a patch set adds by itself. */
export const addedLayer = (set: string): string => `patch:${set}`;
/** Layer of what a patch set changes in another layer. */
export const patchLayer = (set: string, layer: string): string => `patch:${set}:${layer}`;

/** Equal lists are one object, as in `views.ts`. */
const interned = new Map<string, readonly LayerUse[]>();

function intern(uses: readonly LayerUse[]): readonly LayerUse[] {
  if (uses.some(({ layer }) => layer.includes('proxy:'))) return uses;
  const key = uses.map(({ layer, members, shows }) => `${layer} ${members} ${shows?.key ?? ''}`).join();
  const known = interned.get(key) ?? uses;
  interned.set(key, known);
  return known;
}

export function patchedView(view: ProxyView, { set, types }: PatchUse): ProxyView {
  const layers: Record<string, readonly LayerUse[]> = { ...view.layers };
  for (const typeUrl of types) {
    const uses = layers[typeUrl] ?? [];
    const isOnDemandType = uses.length > 0 && uses.every(({ members }) => members === 'needed');
    const added: LayerUse = { layer: addedLayer(set), members: isOnDemandType ? 'needed' : 'all' };
    const changed = uses.flatMap((use) => [{ ...use, layer: patchLayer(set, use.layer) }, use]);
    layers[typeUrl] = intern([added, ...changed]);
  }
  return { ...view, layers };
}
