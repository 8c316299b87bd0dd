// Bundles the `xebec` command into dist/: one entry, chunks for what is loaded late, never a half-written file.
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const inputsFile = join(dist, 'inputs.json');
const keepChunksMs = 24 * 3_600_000;

const modified = (path) => {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
};

/** True when a file the bundle was made of is newer than the bundle, or gone. */
export function isBundleStale() {
  try {
    const builtAt = statSync(join(dist, 'xebec.js')).mtimeMs;
    const inputs = JSON.parse(readFileSync(inputsFile, 'utf8'));
    return inputs.some((input) => modified(join(root, input)) > builtAt);
  } catch {
    return true;
  }
}

// Bundled CommonJS packages expect these names; ES modules do not have them.
const banner = [
  "import { createRequire as __createRequire } from 'node:module';",
  "import { fileURLToPath as __toPath } from 'node:url';",
  "import { dirname as __toDirectory } from 'node:path';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = __toPath(import.meta.url);',
  'const __dirname = __toDirectory(__filename);',
].join('\n');

const options = {
  absWorkingDir: root,
  entryPoints: {
    xebec: 'apps/ctl/src/main.ts',
    'ensure-envoy': 'apps/ctl/src/ensure-envoy.ts',
    'signing-worker': 'packages/ca/src/signing/signing-worker.ts',
    'opa-worker': 'apps/policy/src/backends/opa/opa-worker.ts',
  },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  chunkNames: 'chunks/[name]-[hash]',
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  metafile: true,
  write: false,
  logLevel: 'silent',
  define: { 'process.env.NODE_ENV': '"production"' },
  banner: { js: banner },
};

function place(path, contents) {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, contents);
  renameSync(draft, path);
}

/** Chunks of earlier builds stay for a day: a command that still runs may load them. */
function removeOldChunks(written) {
  const chunks = join(dist, 'chunks');
  for (const name of readdirSync(chunks)) {
    const path = join(chunks, name);
    if (!written.has(path) && Date.now() - modified(path) > keepChunksMs) rmSync(path, { force: true });
  }
}

function placeDescriptors() {
  const target = join(dist, 'envoy.binpb');
  const draft = `${target}.${process.pid}`;
  copyFileSync(join(root, 'packages/protos/descriptors/envoy.binpb'), draft);
  renameSync(draft, target);
}

/** Builds dist/; gives the messages of what is wrong, or none. */
export async function buildBundle() {
  const { build, formatMessages } = await import('esbuild');
  const startedAt = new Date();
  let result;
  try {
    result = await build(options);
  } catch (error) {
    if (!Array.isArray(error?.errors)) throw error;
    return await formatMessages(error.errors, { kind: 'error', color: process.stderr.isTTY === true });
  }
  mkdirSync(join(dist, 'chunks'), { recursive: true });
  const written = new Set(result.outputFiles.map(({ path }) => path));
  const isEntry = ({ path }) => path === join(dist, 'xebec.js');
  for (const file of result.outputFiles.filter((file) => !isEntry(file))) place(file.path, file.contents);
  placeDescriptors();
  const inputs = Object.keys(result.metafile.inputs).filter((input) => !input.includes('node_modules/'));
  place(inputsFile, JSON.stringify([...inputs, relative(root, fileURLToPath(import.meta.url))]));
  // The entry comes last: whoever sees it finds the rest.
  for (const file of result.outputFiles.filter(isEntry)) place(file.path, file.contents);
  // A source saved while we were building is newer than this.
  utimesSync(join(dist, 'xebec.js'), startedAt, startedAt);
  removeOldChunks(written);
  return [];
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const startedAt = performance.now();
  const messages = await buildBundle();
  for (const message of messages) process.stderr.write(message);
  if (messages.length > 0) process.exit(1);
  process.stdout.write(`dist/xebec.js built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
}
