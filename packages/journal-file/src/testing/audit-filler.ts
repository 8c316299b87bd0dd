// A process that writes audit records on a small file system until it is full, goes on, makes room, and says what came of it.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAuditChain } from '../audit/audit-chain.ts';
import { readChain } from '../audit/read-chain.ts';
import { verifyChain } from '../audit/verify-chain.ts';
import { changeOf } from './audit-records.ts';

const [mount = ''] = process.argv.slice(2);
const ballast = join(mount, 'ballast');
writeFileSync(ballast, Buffer.alloc(128 * 1_024, 1));
const directory = join(mount, 'audit');
const told: (string | undefined)[] = [];
const opened = openAuditChain({
  directory,
  writer: 'test',
  clock: Date.now,
  segmentBytes: 30_000,
  mostWaiting: 50,
  onTrouble: (problem) => told.push(problem?.code),
});
if (!opened.ok) throw new Error(JSON.stringify(opened.diagnostics));
const chain = opened.value;
const errors = (): number =>
  verifyChain(readChain(directory)).problems.filter(({ severity }) => severity === 'error').length;

let appended = 0;
for (; told.length === 0 || chain.counts.lost < 20; appended += 1) {
  if (appended === 10_000) throw new Error(`the disk is not full after ${appended} records`);
  chain.append(changeOf(appended));
  chain.flush();
}
const whileFull = { ...chain.counts, errors: errors() };
rmSync(ballast);
const healed = chain.flush();
const after = { ...chain.counts, errors: errors() };
chain[Symbol.dispose]();
process.stdout.write(JSON.stringify({ told, appended, whileFull, healed, after }));
