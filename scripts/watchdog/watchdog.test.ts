// A run of tests always ends, and says which file it was: a file that hangs, a run that takes too long, an end that does not come.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'watchdog-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Ended {
  readonly code: number | string | null | undefined;
  readonly last: string;
  readonly all: string;
}

/** Runs the fixtures with limits in seconds of their own. */
function run(name: string, limits: Readonly<Record<string, string>>, ...args: string[]): Promise<Ended> {
  const { PATH = '' } = process.env;
  const env = { PATH, XEBEC_TEST_RESULTS: join(directory, `${name}.json`), ...limits };
  return new Promise((resolve) => {
    const options = { env, timeout: 100_000, killSignal: 'SIGKILL' } as const;
    execFile(process.execPath, [fixture('run.mjs'), ...args], options, (error, stdout, stderr) => {
      const last = stdout.trim().split('\n').at(-1) ?? '';
      resolve({ code: error === null ? 0 : error.code, last, all: `${stdout}${stderr}` });
    });
  });
}

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** The processes that were told of. */
const pidsIn = (text: string): number[] =>
  [...text.matchAll(/^ {2}pid (\d+)/gm)].map(([, pid]) => Number(pid));

it('random tries keep to the time of their test', { timeout: 2_000 }, () => {
  const slow = fc.property(fc.nat(), () => {
    for (const end = performance.now() + 50; performance.now() < end; );
    return true;
  });
  const { failed, interrupted, numRuns } = fc.check(slow, { numRuns: 1_000 });
  expect({ failed, interrupted }).toEqual({ failed: false, interrupted: true });
  expect(numRuns).toBeLessThan(40);
});

describe.runIf(process.platform === 'linux')('the watchdog of tests', { timeout: 110_000 }, () => {
  it('ends a file that hangs, says which and where, and the run goes on to its summary', async () => {
    const { code, last, all } = await run('file', { XEBEC_TEST_FILE_LIMIT: '10' }, 'hangs', 'passes');
    expect([code, last]).toEqual([1, '2 passed, 1 failed, 0 skipped']);
    expect(all).toContain('failed: hangs.fixture.mjs: hangs.fixture.mjs (the file itself)');
    expect(all).toContain('hangs.fixture.mjs did not end within 10 s, in "hangs", and was ended');
    expect(all).toMatch(/its worker was in:\n {2}\S.* \S*hangs\.fixture\.mjs:9\n/);
    expect(pidsIn(all)).not.toEqual([]);
    expect(pidsIn(all).filter(isAlive)).toEqual([]);
    const { tests } = JSON.parse(readFileSync(join(directory, 'file.json'), 'utf8'));
    expect(tests.at(-1).errors[0]).toContain('did not end within 10 s');
  });

  it('ends a run that takes too long, with the results that there are', async () => {
    const { code, last, all } = await run('run', { XEBEC_TEST_RUN_LIMIT: '15' }, 'hangs', 'passes');
    expect([code, last]).toEqual([1, '1 passed, 2 failed, 0 skipped']);
    expect(all).toContain('failed: hangs.fixture.mjs: did not run to its end');
    expect(pidsIn(all).filter(isAlive)).toEqual([]);
  });

  it('ends vitest when it does not end by itself after the last test', async () => {
    const stuck = `--reporter=${fixture('stuck-end.mjs')}`;
    const { code, last, all } = await run('end', { XEBEC_TEST_END_LIMIT: '3' }, 'passes', stuck);
    expect([code, last]).toEqual([1, '1 passed, 1 failed, 0 skipped']);
    expect(all).toContain('failed: vitest did not end within 3 s of its last test');
    expect(pidsIn(all).filter(isAlive)).toEqual([]);
  });

  it('says where a file is that computes for ever', async () => {
    const { last, all } = await run('loop', { XEBEC_TEST_FILE_LIMIT: '10' }, 'loops');
    expect(last).toBe('0 passed, 1 failed, 0 skipped');
    expect(all).toMatch(/its worker was in:\n {2}computeForEver \S*loops\.fixture\.mjs:\d+\n/);
  });

  it('leaves a good run alone', async () => {
    expect(await run('good', {}, 'passes')).toMatchObject({ code: 0, last: '1 passed, 0 failed, 0 skipped' });
  });
});
