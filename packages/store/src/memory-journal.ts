// A journal that lasts as long as the process: for meshes without a state directory, and for tests.
import { succeed } from '@xebec/std';
import { emptyContent, type Journal, type JournalContent } from './journal.ts';

/** A journal in memory; `content()` is what opening a persistent one again would recover. */
export function createMemoryJournal(recovered = emptyContent): Journal & { content(): JournalContent } {
  let base = recovered.base;
  let revisions = [...recovered.revisions];
  return {
    append: (revision) => {
      revisions.push(revision);
      return succeed(undefined);
    },
    rewrite: (content) => {
      base = content.base;
      revisions = [...content.revisions];
      return succeed(undefined);
    },
    content: () => ({ base, revisions: [...revisions] }),
  };
}
