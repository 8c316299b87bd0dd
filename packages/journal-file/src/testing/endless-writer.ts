// A process that appends revisions to a journal until it is killed, and says after each that it is confirmed.
import { writeSync } from 'node:fs';
import { openJournal } from '../file-journal.ts';
import { contentAt, revisionOf } from './revisions.ts';

const [directory = '', rewriteEvery = '25'] = process.argv.slice(2);
const opened = openJournal(directory);
if (!opened.ok) throw new Error(JSON.stringify(opened.diagnostics));
const { journal, recovered } = opened.value;
let latest = recovered.revisions.at(-1)?.number ?? recovered.base.revision;
writeSync(1, `${latest}\n`);
for (;;) {
  const next = latest + 1;
  const done = journal.append(revisionOf(next));
  if (!done.ok) throw new Error(JSON.stringify(done.diagnostics));
  latest = next;
  writeSync(1, `${latest}\n`);
  if (latest % Number(rewriteEvery) !== 0) continue;
  const rewritten = journal.rewrite(contentAt(latest, 10));
  if (!rewritten.ok) throw new Error(JSON.stringify(rewritten.diagnostics));
}
