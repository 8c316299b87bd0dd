// Makes authorities in a process that a test kills or limits: `make-authorities.ts PARENT once|limited|killed`.
import * as path from 'node:path';
import { formatDiagnostic } from '@xebec/std';
import { openAuthority } from '../authority/authority.ts';

const [, , parent = '', mode = ''] = process.argv;
const openAt = (name: string) =>
  openAuthority({ directory: path.join(parent, name), trustDomain: 'cluster.local' });

/** Far more than a test lets it make, so that an unkilled process ends too. */
const MOST = 5_000;

for (let made = 0; made < (mode === 'killed' ? MOST : 1); made += 1) {
  const opened = openAt(mode === 'killed' ? `ca-${made}` : 'ca');
  if (!opened.ok) process.stdout.write(opened.diagnostics.map(formatDiagnostic).join('\n'));
  else process.stdout.write(mode === 'killed' ? '.' : opened.value.rootsPem.join(''));
}
