// Carries a plan out: journal first, then graph and catalog in one step. What fails before leaves nothing behind.
import type { ObjectKey } from '@xebec/config';
import { WatcherError } from '@xebec/flow';
import type { Diagnostic, Result } from '@xebec/std';
import { fail, succeed } from '@xebec/std';
import type { Entry } from './catalog.ts';
import { type PastChange, type PastRevision, shownRevision } from './history.ts';
import type { StoredChange, StoredRevision } from './journal.ts';
import type { Draft } from './plan.ts';
import { type State, shownObject } from './state.ts';
import type { Revision, WatchChange } from './types.ts';

/** Thrown through `transact` to undo it. */
class JournalRefusal extends Error {
  override readonly name = 'JournalRefusal';
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super('the journal did not take the revision');
    this.diagnostics = diagnostics;
  }
}

export type RevisionHead = Pick<StoredRevision, 'number' | 'time' | 'author' | 'owner' | 'message'>;

/** Makes a revision of the drafts that change something; without any, only bookkeeping is refreshed. */
export function commit(
  state: State,
  drafts: readonly Draft[],
  head: RevisionHead,
): Result<Revision | undefined> {
  const effective = drafts.filter(({ change }) => change !== 'unchanged');
  if (effective.length === 0) {
    refresh(state, drafts);
    return succeed(undefined);
  }
  const stored: StoredRevision = { ...head, changes: effective.map(storedChange) };
  const transacted = transact(state, stored, effective);
  if (!transacted.ok) return transacted;
  const { epoch, watcherError } = transacted.value;
  const revision = { ...stored, changes: effective.map(pastChange), epoch };
  refresh(state, drafts);
  state.history.add(revision);
  const warnings = compactWhenDue(state);
  publish(state, effective, revision);
  if (watcherError !== undefined) throw watcherError;
  return succeed(shownRevision(revision), warnings);
}

interface Transacted {
  readonly epoch: number;
  /** A watcher of the graph has a bug; the transaction stands. */
  readonly watcherError?: WatcherError;
}

function transact(state: State, revision: StoredRevision, drafts: readonly Draft[]): Result<Transacted> {
  try {
    const epoch = state.graph.transact(() => {
      for (const draft of drafts) writeSource(state, draft);
      const appended = state.journal.append(revision);
      if (!appended.ok) throw new JournalRefusal(appended.diagnostics);
    });
    return succeed({ epoch });
  } catch (error) {
    if (error instanceof JournalRefusal) return fail(...error.diagnostics);
    if (error instanceof WatcherError) return succeed({ epoch: error.epoch, watcherError: error });
    throw error;
  }
}

/** Puts one object's new value into the graph; only inside `transact`. */
export function writeSource(
  { sources }: State,
  { key, before, after }: Pick<Draft, 'key' | 'before' | 'after'>,
): void {
  if (after?.object !== undefined) sources.set(key, after.object);
  else if (before?.object !== undefined) sources.delete(key, before.object);
}

/** Takes over the bookkeeping of all drafts; documents that were taken have no verdict any more. */
function refresh({ catalog }: State, drafts: readonly Draft[]): void {
  for (const { key, after, tombstone, change } of drafts) {
    catalog.verdicts.delete(key);
    if (after !== undefined) catalog.set(key, after);
    else if (change === 'deleted') catalog.delete(key);
    if (tombstone !== undefined) catalog.tombstones.set(key, tombstone);
    else catalog.tombstones.delete(key);
  }
}

const storedChange = ({ key, change, after, tombstone }: Draft): StoredChange => ({
  key,
  change: change === 'unchanged' ? 'configured' : change,
  ...(after === undefined ? {} : { after: after.stored }),
  ...(tombstone === undefined ? {} : { tombstone }),
});

const pastChange = (draft: Draft): PastChange => ({
  ...storedChange(draft),
  ...(draft.before === undefined ? {} : { before: draft.before.stored }),
});

function publish({ log }: State, drafts: readonly Draft[], { number }: PastRevision): void {
  log.publish(
    drafts.flatMap(({ key, before, after }) => watchChange(key, before, after)),
    number,
  );
}

export function watchChange(
  key: ObjectKey,
  before: Entry | undefined,
  after: Entry | undefined,
): readonly WatchChange[] {
  if (after !== undefined) return [{ type: 'set', key, object: shownObject(after) }];
  return before === undefined ? [] : [{ type: 'delete', key, object: shownObject(before) }];
}

/** After a failed compaction, so many revisions pass before the next attempt. */
const retryAfter = 100;

/** Keeps the journal within twice the history; a failure costs disk space, nothing else. */
function compactWhenDue(state: State): readonly Diagnostic[] {
  const { catalog, history, journal, historyLimit } = state;
  if (history.latest < state.compactAt) return [];
  const objects = catalog.persisted();
  history.rewind(objects, history.base);
  const rewritten = journal.rewrite({
    base: {
      revision: history.base,
      objects: [...objects.values()],
      tombstones: [...catalog.tombstones.values()],
    },
    revisions: history.all().map(({ number, time, author, owner, message, changes }) => ({
      ...{ number, time, author, owner, message },
      changes: changes.map(({ before: _before, ...change }) => change),
    })),
  });
  state.compactAt = history.latest + (rewritten.ok ? historyLimit : retryAfter);
  return rewritten.ok
    ? []
    : rewritten.diagnostics.map((diagnostic) => ({ ...diagnostic, severity: 'warning' }));
}
