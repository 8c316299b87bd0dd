// A process that appends records to an audit chain until it is killed, and says after each flush how far the chain is.
import { writeSync } from 'node:fs';
import { openAuditChain } from '../audit/audit-chain.ts';
import { changeOf } from './audit-records.ts';

const [directory = ''] = process.argv.slice(2);
const opened = openAuditChain({ directory, writer: 'test', clock: Date.now, segmentBytes: 20_000 });
if (!opened.ok) throw new Error(JSON.stringify(opened.diagnostics));
for (let number = 1; ; number++) {
  opened.value.append(changeOf(number));
  if (number % 7 === 0 && opened.value.flush()) writeSync(1, `${opened.value.head.seq}\n`);
}
