// What every script needs first: a Node that is new enough, and the dependencies of the lock file.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

const oldestNode = [20, 19, 0];
const stillEveryMs = 10_000;

/** Ends the process with a message that says what to do. */
export function fail(message, remedy) {
  process.stderr.write(`error: ${message}; ${remedy}\n`);
  process.exit(1);
}

export function checkNode() {
  const version = process.versions.node.split('.').map(Number);
  const difference =
    oldestNode.map((wanted, index) => version[index] - wanted).find((each) => each !== 0) ?? 0;
  if (difference >= 0) return;
  fail(`Node ${process.versions.node} is too old`, `install Node ${oldestNode.join('.')} or newer`);
}

/** Runs a command to its end; `onStart` gets the child, the other options are those of `spawn`. */
export function run(title, command, args, { onStart, ...options } = {}) {
  const startedAt = performance.now();
  const seconds = () => `${Math.round((performance.now() - startedAt) / 1000)} s`;
  process.stderr.write(`${title} …\n`);
  const timer = setInterval(() => process.stderr.write(`  still at it after ${seconds()}\n`), stillEveryMs);
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: root, stdio: ['inherit', 2, 2], ...options });
    onStart?.(child);
    const finish = (code) => {
      clearInterval(timer);
      done(code);
    };
    child.once('error', (error) => {
      process.stderr.write(`${error.message}\n`);
      finish(127);
    });
    child.once('exit', (code) => finish(code ?? 1));
  });
}

/** The Envoy that is already here, for scripts that never install one: chosen, or in the cache. */
export function knownEnvoy() {
  const { ENVOY_PATH: chosen, XEBEC_CACHE: own, XDG_CACHE_HOME: shared } = process.env;
  if (chosen) return chosen;
  const cache = join(own || (shared ? join(shared, 'xebec') : join(homedir(), '.cache', 'xebec')), 'envoy');
  if (!existsSync(cache)) return undefined;
  const versions = readdirSync(cache).sort().reverse();
  return versions.map((version) => join(cache, version, 'envoy')).find((path) => existsSync(path));
}

const readPackages = (file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages;

/** What is missing or of another version than the lock file says. */
export function missingDependencies() {
  const wanted = Object.entries(readPackages('package-lock.json'));
  let installed;
  try {
    installed = readPackages('node_modules/.package-lock.json');
  } catch {
    return wanted.map(([path]) => path);
  }
  return wanted
    .filter(([path, entry]) => path.startsWith('node_modules/') && entry.optional !== true)
    .filter(([path, entry]) => entry.link !== true && installed[path]?.version !== entry.version)
    .map(([path]) => path);
}

/** Installs the dependencies when they are not those of the lock file. */
export async function ensureDependencies() {
  const missing = missingDependencies();
  if (missing.length === 0) return;
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const code = await run(`installing ${missing.length} dependencies`, command, [
    ...first,
    'ci',
    '--no-audit',
    '--no-fund',
  ]);
  if (code !== 0)
    fail('the dependencies could not be installed', 'see above; check the network and try "npm ci"');
}

/** Makes the bundle when a source is newer. */
export async function ensureBundle() {
  const { buildBundle, isBundleStale } = await import('./build.mjs');
  if (!isBundleStale()) return;
  process.stderr.write('building xebec …\n');
  const messages = await buildBundle();
  if (messages.length === 0) return;
  process.stderr.write(messages.join(''));
  fail('xebec could not be built', 'repair what is named above');
}
