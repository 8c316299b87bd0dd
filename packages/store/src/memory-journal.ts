// A journal that lasts as long as the process: for meshes without a state directory, and for tests.
import { succeed } from '@xebec/std';
import { emptyContent, type Journal, type JournalContent } from './journal.ts';

/** A journal in memory; `content()` is what opening a persistent one again would recover. */
export function createMemoryJournal(): Journal & { readonly content: () => JournalContent } {
  let content = emptyContent;
  return {
    append: (revision) => {
      content = { ...content, revisions: [...content.revisions, revision] };
      return succeed(undefined);
    },
    rewrite: (next) => {
      content = next;
      return succeed(undefined);
    },
    content: () => content,
  };
}
