// Has patched configuration checked before it leaves: good shapes are let through, what spoils the others is found and held, then proxies get their new patches.
import type { EncodedResource, PatchCollections, PatchedResource, ResourceKey } from '@xebec/envoy';
import type { Collection, Graph } from '@xebec/flow';
import type { ObjectKey, PatchSet, ProxyNode } from '@xebec/model';
import type { EnvoyCheck, Verdict } from './envoy-check.ts';
import { type EnvoyFilter, type HeldFilter, isSame, type PatchSources } from './held-filters.ts';
import { createSettling, type Settling } from './settling.ts';

export interface PatchVerifier extends Settling, Disposable {
  /** A proxy that starts gets its patches at once: what is not known to be good is kept from it. */
  admit(client: string): void;
  /** A proxy refuses what was let through unchecked. */
  refuse(typeUrl: string, key: ResourceKey, message: string): void;
}

export interface PatchVerifierOptions {
  readonly graph: Graph;
  readonly sources: PatchSources;
  readonly patches: PatchCollections;
  /** As written, not as in force. */
  readonly filters: Collection<ObjectKey, EnvoyFilter>;
  readonly effective: Collection<ObjectKey, EnvoyFilter>;
  readonly patchSets: Collection<string, PatchSet>;
  readonly proxies: Collection<string, ProxyNode>;
  readonly check: EnvoyCheck;
  /** What happens with patches where there is no Envoy to ask. */
  readonly unverified: 'refuse' | 'apply';
  /** Which revision changed an object last. */
  readonly revisionOf: (key: ObjectKey) => number;
  readonly nowMs: () => number;
  readonly onFault: (error: unknown) => void;
}

/** Rounds of finding and holding after which the rest waits for the next change. */
const maxRounds = 50;

/** Of each object, so that there is one to go back to. */
const rememberedValues = 3;

interface Candidate {
  readonly typeUrl: string;
  readonly key: ResourceKey;
  readonly patched: PatchedResource;
}

type Refusal = Exclude<Verdict, { kind: 'good' }>;

export function createPatchVerifier(options: PatchVerifierOptions): PatchVerifier {
  const verifier = new Verifier(options);
  verifier.start();
  return verifier;
}

class Verifier implements PatchVerifier {
  private readonly options: PatchVerifierOptions;
  private readonly watches: Disposable[] = [];
  private readonly changed = new Map<ResourceKey, EncodedResource | undefined>();
  private readonly refusals = new Map<string, Refusal>();
  /** Values that have been in force, newest first. */
  private readonly good = new Map<ObjectKey, readonly EnvoyFilter[]>();
  private readonly settling = createSettling();
  private isDirty = false;
  private isDisposed = false;

  constructor(options: PatchVerifierOptions) {
    this.options = options;
  }

  start(): void {
    const { graph, patches, patchSets, proxies, filters } = this.options;
    const mark = (): void => this.mark();
    this.watches.push(
      ...[...patches.candidates.values()].map((each) => graph.watch(each, mark)),
      ...[...patches.published.values()].map((each) =>
        graph.watch(each, ({ changes }) => {
          for (const [key, { after }] of changes) this.changed.set(key, after);
          this.mark();
        }),
      ),
      graph.watch(patchSets, mark),
      graph.watch(proxies, mark),
      graph.watch(filters, mark),
    );
    this.mark();
  }

  admit(client: string): void {
    const { graph, sources, patchSets } = this.options;
    const set = patchSets.get(client);
    if (set === undefined || sources.attached.get(client) !== undefined) return;
    graph.transact(() => sources.attached.set(client, set));
  }

  refuse(typeUrl: string, key: ResourceKey, message: string): void {
    const { graph, patches, sources } = this.options;
    const shape = patches.candidates.get(typeUrl)?.get(key)?.shape;
    if (shape === undefined || !sources.approved.has(shape)) return;
    this.refusals.set(shape, { kind: 'refused', message });
    graph.transact(() => sources.approved.delete(shape));
    this.mark();
  }

  readonly isSettled = (): boolean => this.settling.isSettled();

  settled(limitMs: number): Promise<void> {
    return this.settling.settled(limitMs);
  }

  [Symbol.dispose](): void {
    this.isDisposed = true;
    for (const watch of this.watches) watch[Symbol.dispose]();
    this.settling.end();
  }

  private mark(): void {
    this.isDirty = true;
    if (this.settling.isSettled()) this.settling.run(() => this.run()).catch(this.options.onFault);
  }

  private async run(): Promise<void> {
    // What is being written now is looked at once it is all there.
    await Promise.resolve();
    while (this.isDirty && !this.isDisposed) {
      this.isDirty = false;
      await this.settle();
    }
  }

  private async settle(): Promise<void> {
    this.keep();
    this.release();
    for (let round = 0; round < maxRounds && !this.isDisposed; round++) {
      const pending = this.pending();
      if (pending.length === 0) break;
      await this.judge(pending);
      for (const candidate of this.pending()) {
        if (this.refusals.has(candidate.patched.shape)) await this.hold(candidate);
      }
    }
    if (this.isDisposed) return;
    this.attach();
    this.learn();
    this.keep();
  }

  /** What is published is the last good one, should the next be none. */
  private keep(): void {
    const { graph, sources } = this.options;
    if (this.changed.size === 0) return;
    const changed = [...this.changed];
    this.changed.clear();
    graph.transact(() => {
      for (const [key, after] of changed) {
        if (after === undefined) sources.lastGood.delete(key);
        else if (after.hash !== 'withheld') sources.lastGood.set(key, after);
      }
    });
  }

  /** Objects that were written anew, or are gone. */
  private release(): void {
    const { graph, sources, filters } = this.options;
    const released = [...sources.held.entries()].filter(([key, { refused }]) => {
      const written = filters.get(key);
      return written === undefined || !isSame(written, refused);
    });
    if (released.length === 0) return;
    graph.transact(() => {
      for (const [key] of released) sources.held.delete(key);
    });
  }

  private *candidates(): IterableIterator<Candidate> {
    for (const [typeUrl, collection] of this.options.patches.candidates) {
      for (const [key, patched] of collection.entries()) yield { typeUrl, key, patched };
    }
  }

  /** One candidate of each shape that may not leave yet. */
  private pending(): readonly Candidate[] {
    const { approved } = this.options.sources;
    const byShape = new Map<string, Candidate>();
    for (const candidate of this.candidates()) {
      const { resource, shape, isTrusted } = candidate.patched;
      if (resource.isAbsent !== true && isTrusted !== true && !approved.has(shape))
        byShape.set(shape, candidate);
    }
    return [...byShape.values()];
  }

  /** Asks about the shapes that are not known, and lets the good ones through. */
  private async judge(pending: readonly Candidate[]): Promise<void> {
    const unknown = pending.filter(({ patched }) => !this.refusals.has(patched.shape));
    await this.ask(unknown.map(({ typeUrl, patched }) => ({ typeUrl, patched })));
  }

  private async ask(
    resources: readonly { readonly typeUrl: string; readonly patched: PatchedResource }[],
  ): Promise<void> {
    const { graph, sources, check, unverified } = this.options;
    if (resources.length === 0) return;
    const checked = resources.map(({ typeUrl, patched }) => ({
      typeUrl,
      label: patched.shape,
      bytes: Buffer.concat(patched.resource.chunks),
    }));
    const verdicts = await check.check(checked, this.clusters(resources.map(({ patched }) => patched)));
    graph.transact(() => {
      for (const [shape, verdict] of verdicts) {
        const isTrusted = verdict.kind === 'unchecked' && unverified === 'apply';
        if (verdict.kind === 'good' || isTrusted) sources.approved.set(shape, true);
        else this.refusals.set(shape, verdict);
      }
    });
  }

  /** Names of clusters that patched configuration may refer to. */
  private *clusters(patched: readonly PatchedResource[]): IterableIterator<string> {
    for (const { resource } of patched) for (const { name } of resource.needs) yield name;
    for (const { patched: other, typeUrl } of this.candidates()) {
      if (typeUrl.endsWith('.Cluster')) yield other.resource.name;
    }
  }

  /** Holds whatever of the objects behind a refused candidate spoils it. */
  private async hold(candidate: Candidate): Promise<void> {
    const refusal = this.refusals.get(candidate.patched.shape);
    if (refusal === undefined) return;
    const { filters } = this.options;
    const written = candidate.patched.hits.map(objectOf).filter((key) => filters.has(key));
    const objects = this.byAge([...new Set(written)]);
    const culprits = objects.length === 1 ? objects : await this.culprits(candidate, objects);
    const { graph, sources, effective, nowMs } = this.options;
    graph.transact(() => {
      for (const key of culprits) {
        const refused = filters.get(key);
        const inForce = effective.get(key);
        if (refused === undefined || inForce === undefined) continue;
        const left = (this.good.get(key) ?? []).filter((value) => !isSame(value, inForce));
        this.good.set(key, left);
        const lastGood = left.find((value) => !isSame(value, refused));
        sources.held.set(key, {
          refused,
          ...(lastGood === undefined ? {} : { lastGood }),
          code: refusal.kind === 'refused' ? 'refused-by-envoy' : 'cannot-verify',
          message: wordsOf(refusal),
          typeUrl: candidate.typeUrl,
          resource: candidate.patched.resource.name,
          atMs: nowMs(),
        } satisfies HeldFilter);
      }
    });
  }

  /** Those of several objects without which the candidate would be good; all of them when no single one is to blame. */
  private async culprits(
    { typeUrl, key }: Candidate,
    objects: readonly ObjectKey[],
  ): Promise<readonly ObjectKey[]> {
    const { patches, sources } = this.options;
    for (const object of objects) {
      const rest = patches.without(typeUrl, key, new Set([object]));
      if (rest === undefined) continue;
      if (rest.isTrusted === true) return [object];
      if (!this.refusals.has(rest.shape)) await this.ask([{ typeUrl, patched: rest }]);
      if (sources.approved.has(rest.shape)) return [object];
    }
    return objects;
  }

  /** What changed last comes first. */
  private byAge(objects: readonly ObjectKey[]): readonly ObjectKey[] {
    const { revisionOf } = this.options;
    return [...objects].sort((left, right) => revisionOf(right) - revisionOf(left));
  }

  /** All that was wanted is checked: proxies get the patches that are meant for them. */
  private attach(): void {
    const { graph, sources, patchSets, proxies } = this.options;
    const gone = [...sources.attached.keys()].filter(
      (client) => !proxies.has(client) || patchSets.get(client) === undefined,
    );
    const moved = [...patchSets.entries()].filter(
      ([client, { id }]) => sources.attached.get(client)?.id !== id,
    );
    if (gone.length + moved.length === 0) return;
    graph.transact(() => {
      for (const client of gone) sources.attached.delete(client);
      for (const [client, set] of moved) sources.attached.set(client, set);
    });
  }

  /** What is in force now and changes something has been found good. */
  private learn(): void {
    const used = new Set<ObjectKey>();
    for (const { patched } of this.candidates()) for (const hit of patched.hits) used.add(objectOf(hit));
    for (const key of this.good.keys()) if (!this.options.filters.has(key)) this.good.delete(key);
    for (const key of used) {
      const inForce = this.options.effective.get(key);
      const known = this.good.get(key) ?? [];
      const [newest] = known;
      if (inForce === undefined || (newest !== undefined && isSame(newest, inForce))) continue;
      this.good.set(key, [inForce, ...known].slice(0, rememberedValues));
    }
  }
}

function wordsOf(refusal: Refusal): string {
  if (refusal.kind === 'refused') return refusal.message;
  return refusal.kind === 'unknown' ? refusal.reason : 'there is no Envoy here to check it with';
}

const objectOf = (hit: string): ObjectKey => hit.slice(0, hit.indexOf('#')) as ObjectKey;
