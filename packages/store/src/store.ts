// The store: every change is planned, persisted and then made visible in one transaction of the graph.
import type { KindName, ObjectKey } from '@xebec/config';
import { fail, type Result, succeed } from '@xebec/std';
import { refuseTogether } from './check-together.ts';
import { commit, type RevisionHead } from './commit.ts';
import { shownRevision } from './history.ts';
import { holdAt, pastValues, releaseHeld } from './holding.ts';
import type { Manifest } from './journal.ts';
import { type Plan, planChange } from './plan.ts';
import { getObject, listObjects, listOwned, locate, locateField, statusOf } from './queries.ts';
import { planRollback, unknownRevision } from './rollback.ts';
import { deleteRuntime, putRuntime } from './runtime.ts';
import { createState, type State } from './state.ts';
import type { Applied, ChangeRequest, Revision, Store, StoreOptions, Verdict } from './types.ts';

/** A store with what the journal held. Its kinds become sources of the graph, which is transacted at once. */
export function createStore(options: StoreOptions): Store {
  const state = createState(options);
  const { catalog, history, log, sources } = state;
  return {
    source: (kind) => sources.of(kind),
    lookup: {
      list: <K extends KindName>(kind: K) => Array.from(sources.of(kind).entries(), ([, object]) => object),
      locate: (key, path) => locate(state, key, path),
    },
    apply: (change) => applyChange(state, change),
    rollback: (revision, author) => rollBack(state, revision, author),
    get latest() {
      return history.latest;
    },
    history: ({ limit = Number.POSITIVE_INFINITY } = {}) => newestFirst(state, limit),
    revision: (number) => {
      const revision = history.find(number);
      return revision === undefined ? undefined : shownRevision(revision);
    },
    objectsAt: (revision) => objectsAt(state, revision),
    get: (key) => getObject(state, key),
    list: (kind, namespace) => listObjects(state, kind, namespace),
    ownedBy: (owner) => listOwned(state, owner),
    status: (key) => statusOf(state, key),
    verdicts: () => [...catalog.verdicts.values()],
    locate: (key, field) => locateField(state, key, field),
    pastValues: (key, limit) => pastValues(state, key, limit),
    hold: (key, value) => holdAt(state, key, value),
    release: (key) => releaseHeld(state, key),
    get version() {
      return log.version;
    },
    watch: (listener, since) => log.watch(listener, since),
    putRuntime: (manifest) => putRuntime(state, manifest),
    deleteRuntime: (key) => deleteRuntime(state, key),
  };
}

function applyChange(state: State, request: ChangeRequest): Result<Applied> {
  const head = nextHead(state, request);
  const { catalog, newUid } = state;
  const planned = planChange({ request, catalog, newUid, number: head.number, time: head.time });
  const plan = refuseTogether(planned, state.checkTogether, {
    catalog,
    mode: request.mode,
  });
  const isRefused = request.mode === 'all-or-nothing' && plan.refused.length > 0;
  if (isRefused) return fail(...plan.refused.flatMap(({ diagnostics }) => diagnostics));
  if (request.dryRun === true) return succeed(applied(plan), plan.warnings);
  return carryOut(state, plan, head);
}

function carryOut(state: State, plan: Plan, head: RevisionHead): Result<Applied> {
  const committed = commit(state, plan.drafts, head);
  if (!committed.ok) return committed;
  for (const refusal of plan.refused) recordVerdict(state, refusal.key, { ...refusal, owner: head.owner });
  return succeed(applied(plan, committed.value), [...plan.warnings, ...committed.warnings]);
}

/** A second document for a key that was taken says nothing about the first. */
function recordVerdict({ catalog }: State, key: ObjectKey | undefined, refusal: Omit<Verdict, 'key'>): void {
  const isSecond = refusal.diagnostics.some(({ code }) => code === 'duplicate-object');
  if (key !== undefined && !isSecond) catalog.verdicts.set(key, { ...refusal, key });
}

function rollBack(state: State, revision: number, author: string): Result<Applied> {
  const { catalog, history, newUid } = state;
  const target = catalog.persisted();
  if (!history.rewind(target, revision)) {
    return fail(unknownRevision(revision, history.base, history.latest));
  }
  const head = nextHead(state, { author, owner: 'api', message: `rollback to revision ${revision}` });
  const plan = planRollback(target, { catalog, newUid, author, number: head.number, time: head.time });
  if (plan.refused.length > 0) return fail(...plan.refused.flatMap(({ diagnostics }) => diagnostics));
  return carryOut(state, plan, head);
}

function nextHead(
  { clock, history }: State,
  { author, owner, message = '' }: Pick<ChangeRequest, 'author' | 'owner' | 'message'>,
): RevisionHead {
  return { number: history.latest + 1, time: new Date(clock()).toISOString(), author, owner, message };
}

const applied = (plan: Plan, revision?: Revision): Applied => ({
  ...(revision === undefined ? {} : { revision }),
  changes: plan.drafts.map(({ key, change, origin }) => ({ key, change, origin })),
  refused: plan.refused,
});

function newestFirst({ history }: State, limit: number): readonly Revision[] {
  const revisions = history.all();
  return revisions
    .slice(Math.max(0, revisions.length - limit))
    .reverse()
    .map(shownRevision);
}

function objectsAt({ catalog, history }: State, number: number): Result<ReadonlyMap<ObjectKey, Manifest>> {
  const objects = catalog.persisted();
  if (!history.rewind(objects, number)) return fail(unknownRevision(number, history.base, history.latest));
  const sorted = [...objects.values()].sort((left, right) => (left.key < right.key ? -1 : 1));
  return succeed(new Map(sorted.map(({ key, manifest }) => [key, manifest])));
}
