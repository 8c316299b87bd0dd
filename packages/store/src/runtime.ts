// Objects that the platform makes: seen by the graph and by watchers, kept out of history and journal.
import { kinds, type ObjectKey, rawObject } from '@xebec/config';
import { type Diagnostic, deepEqual, fail, type Result, succeed } from '@xebec/std';
import type { Entry } from './catalog.ts';
import { watchChange, writeSource } from './commit.ts';
import type { Manifest, StoredObject } from './journal.ts';
import { isSameObject } from './kind-sources.ts';
import { storableManifest } from './manifest.ts';
import { identify, parseCandidate } from './reading.ts';
import { type State, shownObject } from './state.ts';
import type { StoreObject } from './types.ts';

const runtimeKinds = new Set<string>(
  kinds.filter(({ mayBeRuntime }) => mayBeRuntime).map(({ kind }) => kind),
);

/** Sets a runtime object; one that says nothing new is no event, one that computes to the same reaches no transform. */
export function putRuntime(state: State, manifest: Manifest): Result<StoreObject> {
  const key = identify(rawObject(manifest, {}), 'default');
  if (key === undefined) return fail(refuse('unidentified-object', 'the object does not say what it is'));
  const before = state.catalog.get(key);
  const refusal = checkRuntime(key, before);
  if (refusal !== undefined) return fail(refusal);
  const parsed = parseCandidate({ key, raw: rawObject(manifest, { object: key }) }, 'default');
  if (!parsed.ok) return parsed;
  const kept = storableManifest(parsed.object, true);
  if (before !== undefined && deepEqual(before.stored.manifest, kept)) return succeed(shownObject(before));
  const after = {
    stored: nextStored(state, { key, kept, before }),
    object: parsed.object,
  };
  write(state, key, { before, after });
  return succeed(shownObject(after), parsed.warnings);
}

/** Deletes a runtime object, if there is one. */
export function deleteRuntime(state: State, key: ObjectKey): boolean {
  const before = state.catalog.get(key);
  if (before?.stored.owner !== 'runtime') return false;
  write(state, key, { before, after: undefined });
  return true;
}

interface NextRuntime {
  readonly key: ObjectKey;
  readonly kept: Manifest;
  readonly before: Entry | undefined;
}

function nextStored({ clock, newUid, log }: State, { key, kept, before }: NextRuntime): StoredObject {
  const isSameSpec = deepEqual(before?.stored.manifest['spec'], kept['spec']) && before !== undefined;
  return {
    key,
    manifest: kept,
    resourceVersion: log.nextVersion,
    generation: (before?.stored.generation ?? 0) + (isSameSpec ? 0 : 1),
    uid: before?.stored.uid ?? newUid(),
    creationTimestamp: before?.stored.creationTimestamp ?? new Date(clock()).toISOString(),
    owner: 'runtime',
    author: 'runtime',
    origin: { object: key },
  };
}

interface Step {
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

function write(state: State, key: ObjectKey, { before, after }: Step): void {
  const isSame =
    before?.object !== undefined && after?.object !== undefined && isSameObject(before.object, after.object);
  if (after === undefined) state.catalog.delete(key);
  else state.catalog.set(key, after);
  try {
    if (!isSame) {
      const sides = {
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
      };
      state.graph.transact(() => writeSource(state, { key, ...sides }));
    }
  } finally {
    state.log.publish(watchChange(key, before, after));
  }
}

function checkRuntime(key: ObjectKey, before: Entry | undefined): Diagnostic | undefined {
  if (!runtimeKinds.has(key.slice(0, key.indexOf('/')))) {
    return refuse('not-a-runtime-kind', `${key} is not of a kind that the platform makes; apply it instead`);
  }
  if (before === undefined || before.stored.owner === 'runtime') return undefined;
  return refuse('owned-elsewhere', `${key} was written by ${before.stored.author}; choose another name`);
}

const refuse = (code: string, message: string): Diagnostic => ({ severity: 'error', code, message });
