// Works out what a requested change would do, object by object, without doing it.
import type { AnyObject, ObjectKey } from '@xebec/config';
import { type Diagnostic, deepEqual, type Origin } from '@xebec/std';
import type { Catalog, Entry } from './catalog.ts';
import type { Manifest, Owner, StoredObject, Tombstone } from './journal.ts';
import { storableManifest, writtenVersion } from './manifest.ts';
import { type Candidate, collectCandidates, hashDocument, parseCandidate } from './reading.ts';
import * as refusals from './refusals.ts';
import type { ChangeKind, ChangeRequest, Refusal } from './types.ts';

/** What happens to one object. */
export interface Draft {
  readonly key: ObjectKey;
  readonly change: ChangeKind;
  readonly origin: Origin;
  readonly before?: Entry;
  /** Absent when there is no object afterwards. */
  readonly after?: Entry;
  readonly tombstone?: Tombstone;
}

export interface Plan {
  readonly drafts: readonly Draft[];
  readonly refused: readonly Refusal[];
  readonly warnings: readonly Diagnostic[];
}

export interface PlanContext {
  readonly request: ChangeRequest;
  readonly catalog: Catalog;
  /** Of the revision to be. */
  readonly number: number;
  readonly time: string;
  readonly newUid: () => string;
}

interface Outcome {
  readonly draft?: Draft;
  readonly refusal?: Refusal;
  readonly warnings?: readonly Diagnostic[];
}

export const isSource = (owner: Owner): boolean => owner !== 'api' && owner !== 'runtime';

/** Plans all upserts and deletes of a request. */
export function planChange(context: PlanContext): Plan {
  const { upserts = [], deletes = [], defaultNamespace = 'default' } = context.request;
  const { candidates, refused } = collectCandidates(upserts, defaultNamespace);
  const upserted = new Set(candidates.map(({ key }) => key));
  const outcomes = [
    ...candidates.map((candidate) => planUpsert(candidate, context)),
    ...[...new Set(deletes)].map((key) =>
      upserted.has(key) ? { refusal: refusals.bothWays(key) } : planDelete(key, context),
    ),
  ];
  return {
    drafts: outcomes.flatMap(({ draft }) => draft ?? []),
    refused: [...refused, ...outcomes.flatMap(({ refusal }) => refusal ?? [])],
    warnings: outcomes.flatMap(({ warnings }) => warnings ?? []),
  };
}

function planUpsert(candidate: Candidate, context: PlanContext): Outcome {
  const { key, raw } = candidate;
  const { owner, defaultNamespace = 'default' } = context.request;
  const before = context.catalog.get(key);
  if (isSource(owner) && isKnownDocument(candidate, context))
    return { draft: draftKnown(candidate, context) };
  const refusal = refusals.checkOwner(candidate, before, owner) ?? checkVersion(candidate, context);
  if (refusal !== undefined) return { refusal };
  const parsed = parseCandidate(candidate, defaultNamespace);
  if (!parsed.ok) return { refusal: { key, origin: raw.origin, diagnostics: parsed.diagnostics } };
  return { draft: draftUpsert(candidate, parsed.object, context), warnings: parsed.warnings };
}

/** Only the place may be new; what was deleted by others stays deleted. */
function draftKnown({ key, raw }: Candidate, { catalog }: PlanContext): Draft {
  const before = catalog.get(key);
  const tombstone = catalog.tombstones.get(key);
  return {
    ...{ key, change: 'unchanged', origin: raw.origin },
    ...(before === undefined ? {} : { before, after: { ...before, place: raw } }),
    ...(tombstone === undefined ? {} : { tombstone }),
  };
}

/** True when this source applied this very document before: whatever others did to the object since then stands. */
function isKnownDocument({ key, raw }: Candidate, { catalog, request }: PlanContext): boolean {
  const known = catalog.get(key)?.stored ?? catalog.tombstones.get(key);
  if (known?.owner !== request.owner || known.sourceHash === undefined) return false;
  return known.sourceHash === hashDocument(raw);
}

function draftUpsert({ key, raw }: Candidate, object: AnyObject, context: PlanContext): Draft {
  const before = context.catalog.get(key);
  const manifest = storableManifest(object, false);
  const ownership = ownershipOf({ key, raw }, context);
  const common = { key, origin: raw.origin, ...present(before) };
  if (before?.object !== undefined && deepEqual(before.stored.manifest, manifest)) {
    const after = { ...before, stored: { ...before.stored, ...ownership }, place: raw };
    return { change: 'unchanged', ...common, after };
  }
  const stored = nextStored({ key, manifest, object, before, origin: raw.origin, ownership }, context);
  const after = { stored, object, place: raw };
  return { change: before === undefined ? 'created' : 'configured', ...common, after };
}

type Ownership = Pick<StoredObject, 'owner' | 'sourceHash'>;

/** A source owns what it declares, also after others changed or deleted and remade it. */
function ownershipOf({ key, raw }: Candidate, { catalog, request }: PlanContext): Ownership {
  if (isSource(request.owner)) return { owner: request.owner, sourceHash: hashDocument(raw) };
  const known = catalog.get(key)?.stored ?? catalog.tombstones.get(key);
  if (known === undefined) return { owner: request.owner };
  return { owner: known.owner, ...(known.sourceHash === undefined ? {} : { sourceHash: known.sourceHash }) };
}

interface NextState {
  readonly key: ObjectKey;
  readonly manifest: Manifest;
  readonly object: AnyObject;
  readonly before: Entry | undefined;
  readonly origin: Origin;
  readonly ownership: Ownership;
}

/** The bookkeeping of an object after a change by this revision. */
function nextStored(next: NextState, { number, time, newUid, request }: PlanContext): StoredObject {
  const { key, manifest, object, before, origin, ownership } = next;
  const isSameSpec = before?.object !== undefined && deepEqual(before.object.spec, object.spec);
  return {
    key,
    manifest,
    resourceVersion: String(number),
    generation: (before?.stored.generation ?? 0) + (isSameSpec ? 0 : 1),
    uid: before?.stored.uid ?? newUid(),
    creationTimestamp: before?.stored.creationTimestamp ?? time,
    author: request.author,
    origin,
    ...ownership,
  };
}

function planDelete(key: ObjectKey, context: PlanContext): Outcome {
  const { catalog, request } = context;
  const before = context.catalog.get(key);
  if (isSource(request.owner)) return { draft: planUndeclared(key, before, request.owner) };
  if (before === undefined || before.stored.owner === 'runtime') {
    return request.mode === 'each' ? {} : { refusal: refusals.notFound(key, before !== undefined) };
  }
  const refusal = refusals.checkExpected(key, request.expected?.[key], { catalog });
  if (refusal !== undefined) return { refusal };
  const { owner, sourceHash } = before.stored;
  const tombstone = sourceHash === undefined ? {} : { tombstone: { key, owner, sourceHash } };
  return { draft: { key, change: 'deleted', origin: before.stored.origin, before, ...tombstone } };
}

/** A source does not declare the object any more; one that belongs to somebody else stays. */
function planUndeclared(key: ObjectKey, before: Entry | undefined, owner: Owner): Draft {
  const origin = before?.stored.origin ?? { object: key };
  if (before?.stored.owner === owner) return { key, change: 'deleted', origin, before };
  return { key, change: 'unchanged', origin, ...(before === undefined ? {} : { before, after: before }) };
}

function checkVersion({ key, raw }: Candidate, { request, catalog }: PlanContext): Refusal | undefined {
  const written = isSource(request.owner) ? undefined : writtenVersion(raw);
  const expected = request.expected?.[key] ?? written;
  return refusals.checkExpected(key, expected, { catalog, origin: raw.origin });
}

const present = (before: Entry | undefined) => (before === undefined ? {} : { before });
