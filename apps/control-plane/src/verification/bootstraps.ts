// Bootstraps of proxies that start: what EnvoyFilters merge into them, each checked by an Envoy first. The rule: a proxy starts, if need be without the patches that would keep it from that.
import type { JsonValue } from '@bufbuild/protobuf';
import type { ConfigPatch, ObjectOf } from '@xebec/config';
import { patchBootstrap } from '@xebec/envoy';
import { filterPatchesFor } from '@xebec/mesh';
import type { ObjectKey, ProxyNode } from '@xebec/model';
import type { Pipeline } from '../pipeline.ts';
import type { EnvoyCheck, Verdict } from './envoy-check.ts';

export interface RefusedBootstrapPatch {
  readonly key: ObjectKey;
  /** In Envoy's words. */
  readonly message: string;
}

export interface Bootstraps {
  /** The bootstrap with what patches make of it; undefined when there are none. */
  patch(proxy: ProxyNode, bootstrap: JsonValue): Promise<JsonValue | undefined>;
  /** Looks at the patches of an object before any proxy starts with them. */
  preview(key: ObjectKey): Promise<void>;
  refused(key: ObjectKey): RefusedBootstrapPatch | undefined;
  all(): readonly RefusedBootstrapPatch[];
}

export interface BootstrapsOptions {
  readonly pipeline: Pick<Pipeline, 'store' | 'mesh' | 'settings'>;
  readonly check: EnvoyCheck;
  /** What happens where there is no Envoy to ask. */
  readonly unverified: 'refuse' | 'apply';
}

type Filter = ObjectOf<'EnvoyFilter'>;

interface Owned {
  readonly object: ObjectKey;
  readonly patches: readonly ConfigPatch[];
}

/** Enough for Envoy to look at the rest. */
const sample = {
  node: { id: 'sidecar~127.0.0.1~sample.default~default.svc.cluster.local', cluster: 'sample' },
};

export function createBootstraps({ pipeline, check, unverified }: BootstrapsOptions): Bootstraps {
  const { store, mesh, settings } = pipeline;
  const problems = new Map<ObjectKey, { readonly message: string; readonly of: Filter }>();
  /** By patches: proxies differ in nothing that Envoy would refuse. */
  const verdicts = new Map<string, Verdict>();

  const judge = async (bootstrap: JsonValue, patches: readonly ConfigPatch[]): Promise<Verdict> => {
    const id = JSON.stringify(patches.map(({ value }) => value));
    const known = verdicts.get(id);
    if (known !== undefined) return known;
    const patched = patchBootstrap(bootstrap, patches);
    const verdict: Verdict =
      patched === undefined
        ? { kind: 'unknown', reason: 'the bootstrap cannot be read' }
        : await check.checkBootstrap(patched.bytes);
    if (verdicts.size > 1_000) verdicts.clear();
    if (verdict.kind !== 'unknown') verdicts.set(id, verdict);
    return verdict;
  };
  const isGood = ({ kind }: Verdict): boolean =>
    kind === 'good' || (kind === 'unchecked' && unverified === 'apply');

  /** Those that can be merged; of the others it is noted why not. */
  const usable = async (bootstrap: JsonValue, all: readonly Owned[]): Promise<readonly ConfigPatch[]> => {
    const together = all.flatMap(({ patches }) => patches);
    if (together.length === 0 || isGood(await judge(bootstrap, together))) {
      for (const { object } of all) problems.delete(object);
      return together;
    }
    const taken: ConfigPatch[] = [];
    for (const { object, patches } of all) {
      const verdict = await judge(bootstrap, [...taken, ...patches]);
      if (isGood(verdict)) taken.push(...patches);
      else note(object, verdict);
    }
    return taken;
  };
  const note = (object: ObjectKey, verdict: Verdict): void => {
    const of = store.source('EnvoyFilter').get(object);
    if (of !== undefined) problems.set(object, { message: wordsOf(verdict), of });
  };
  const refused = (key: ObjectKey): RefusedBootstrapPatch | undefined => {
    const found = problems.get(key);
    if (found === undefined) return undefined;
    if (store.source('EnvoyFilter').get(key) === found.of) return { key, message: found.message };
    problems.delete(key);
    return undefined;
  };
  return {
    async patch(proxy, bootstrap) {
      const root = settings.get('mesh')?.rootNamespace ?? 'istio-system';
      const owned = ownedPatches(
        filterPatchesFor(proxy, mesh.envoyFilters.entries(), root),
        mesh.envoyFilters,
      );
      if (owned.length === 0) return undefined;
      return patchBootstrap(bootstrap, await usable(bootstrap, owned))?.json;
    },
    async preview(key) {
      const patches = bootstrapPatches(store.source('EnvoyFilter').get(key));
      if (patches.length > 0) await usable(sample, [{ object: key, patches }]);
    },
    refused,
    all: () => [...problems.keys()].flatMap((key) => refused(key) ?? []),
  };
}

const bootstrapPatches = (filter: Filter | undefined): readonly ConfigPatch[] =>
  filter?.spec.patches.filter(({ applyTo }) => applyTo === 'BOOTSTRAP') ?? [];

function ownedPatches(
  references: ReturnType<typeof filterPatchesFor>,
  filters: { get(key: ObjectKey): Filter | undefined },
): readonly Owned[] {
  const owned = new Map<ObjectKey, ConfigPatch[]>();
  for (const { object, position } of references) {
    const patch = filters.get(object)?.spec.patches[position];
    if (patch?.applyTo !== 'BOOTSTRAP') continue;
    owned.set(object, [...(owned.get(object) ?? []), patch]);
  }
  return [...owned].map(([object, patches]) => ({ object, patches }));
}

function wordsOf(verdict: Verdict): string {
  if (verdict.kind === 'refused') return verdict.message;
  return verdict.kind === 'unknown' ? verdict.reason : 'there is no Envoy here to check it with';
}
