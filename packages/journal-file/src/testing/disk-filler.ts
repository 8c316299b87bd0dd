// A process that appends to a journal on a small file system until it is full, makes room, and goes on.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openJournal } from '../file-journal.ts';
import { contentAt, revisionOf } from './revisions.ts';

const [mount = ''] = process.argv.slice(2);
writeFileSync(join(mount, 'ballast'), Buffer.alloc(128 * 1_024, 1));
const directory = join(mount, 'journal');

function open() {
  const opened = openJournal(directory);
  if (!opened.ok) throw new Error(JSON.stringify(opened.diagnostics));
  return opened.value;
}

const { journal } = open();
let latest = 0;
let refusal: unknown;
while (refusal === undefined && latest < 10_000) {
  const done = journal.append(revisionOf(latest + 1));
  if (done.ok) latest++;
  else refusal = done.diagnostics[0];
}
const rewritten = journal.rewrite(contentAt(latest, latest));
const whileFull = open();
whileFull.journal[Symbol.dispose]();
rmSync(join(mount, 'ballast'));
const healed = journal.append(revisionOf(latest + 1));
journal[Symbol.dispose]();
const after = open();
after.journal[Symbol.dispose]();
console.log(
  JSON.stringify({
    ...{ latest, refusal, rewritten: rewritten.ok, healed: healed.ok },
    recoveredWhileFull: whileFull.recovered.revisions.length,
    recoveredAfter: after.recovered.revisions.length,
  }),
);
