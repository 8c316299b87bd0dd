// npm run bench: installs what is missing, then runs the benchmark program with the arguments as they are.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkNode, ensureBundle, ensureDependencies, root } from './prepare.mjs';

checkNode();
await ensureDependencies();
await ensureBundle();
const tsx = join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs');
const child = spawn(process.execPath, [tsx, join(root, 'bench', 'main.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.once('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
