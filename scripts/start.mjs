// npm start: installs what is missing, then runs `xebec up` in this very process.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkNode, ensureBundle, ensureDependencies, root } from './prepare.mjs';

checkNode();
await ensureDependencies();
await ensureBundle();
const program = join(root, 'dist', 'xebec.js');
process.argv.splice(1, 1, program, 'up');
await import(pathToFileURL(program).href);
