// What of patched configuration may leave: only what has been found good. The rule: until then the last good one stays, and where there was none, there is nothing.
import type { Collection, Graph } from '@xebec/flow';
import type { PatchSet } from '@xebec/model';
import { type EncodedResource, equalResources, type ResourceKey } from '../resource.ts';
import type { PatchedResource } from './patch-resource.ts';

/** What is known of patched configuration from outside the graph. */
export interface PatchGate {
  /** Shapes that an Envoy has found good. */
  readonly approved: Collection<string, true>;
  /** What was published last under a key, for as long as it is patched. */
  readonly lastGood: Collection<ResourceKey, EncodedResource>;
  /** By proxy id: the patches that its view has. A proxy that was there before gets another set when that is good. */
  readonly attached: Collection<string, PatchSet>;
}

export function passGate(
  graph: Graph,
  name: string,
  {
    patched,
    gate,
  }: { readonly patched: Collection<ResourceKey, PatchedResource>; readonly gate?: PatchGate },
): Collection<ResourceKey, EncodedResource> {
  if (gate === undefined) {
    return graph.derive({
      name,
      from: patched,
      fn: ({ resource }, key: ResourceKey) => [[key, resource] as const],
      equals: equalResources,
    });
  }
  const { approved, lastGood } = gate;
  return graph.derive({
    name,
    from: patched,
    reads: { approved, lastGood },
    fn: ({ resource, shape, isTrusted }, key: ResourceKey, read) => {
      const isGood = resource.isAbsent === true || isTrusted === true || read.approved.get(shape) === true;
      return [[key, isGood ? resource : (read.lastGood.get(key) ?? withheld(resource))] as const];
    },
    equals: equalResources,
  });
}

const withheld = ({ name, causes }: EncodedResource): EncodedResource => ({
  name,
  hash: 'withheld',
  chunks: [],
  aliases: [],
  needs: [],
  causes,
  isAbsent: true,
});
