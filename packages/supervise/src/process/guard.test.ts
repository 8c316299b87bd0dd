import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { startGuard } from './guard.ts';
import { processStart } from './identity.ts';

const directory = temporaryDirectory();
const alive = (pid: number) => processStart(pid) !== undefined;
const within = { timeout: 8_000, interval: 20 };

const sleeper = (env: Readonly<Record<string, string>> = {}): number => {
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore', env });
  child.unref();
  return child.pid ?? Number.NaN;
};

async function firstLine(child: ChildProcess): Promise<unknown> {
  if (child.stdout === null) throw new Error('no output');
  const [line] = await once(createInterface(child.stdout), 'line');
  return JSON.parse(String(line));
}

describe('guard', () => {
  it('ends everything when its owner is killed with -9, detached and stubborn processes too', async () => {
    const report = join(directory, 'left');
    const owner = spawn(
      process.execPath,
      ['--import', 'tsx', fileURLToPath(new URL('../testing/owner.ts', import.meta.url))],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, REPORT: report } },
    );
    const { pids, guard } = (await firstLine(owner)) as { pids: number[]; guard: number };
    const read = () => {
      try {
        return Number(readFileSync(report, 'utf8'));
      } catch {
        return 0;
      }
    };
    await expect.poll(read, within).toBeGreaterThan(0);
    const all = [...pids, read()];
    expect(all.map(alive)).toEqual([true, true, true]);
    owner.kill('SIGKILL');
    await expect.poll(() => [...all, guard].map(alive), within).toEqual([false, false, false, false]);
  });

  it('ends what it watches when disposed, and leaves alone what it was told to forget', async () => {
    const guard = startGuard({ graceMs: 300 });
    const [watched, forgotten] = [sleeper(), sleeper()];
    guard.watch(watched);
    guard.watch(forgotten);
    guard.forget(forgotten);
    guard[Symbol.dispose]();
    await expect.poll(() => alive(watched), within).toBe(false);
    await expect.poll(() => guard.pid !== undefined && alive(guard.pid), within).toBe(false);
    expect(alive(forgotten)).toBe(true);
    process.kill(forgotten, 'SIGKILL');
  });

  it('is replaced when somebody kills it, and still knows everything', async () => {
    const guard = startGuard({ graceMs: 300 });
    const watched = sleeper();
    guard.watch(watched);
    const first = guard.pid ?? Number.NaN;
    process.kill(first, 'SIGKILL');
    await expect.poll(() => guard.pid !== first && alive(guard.pid ?? 0), within).toBe(true);
    expect(alive(watched)).toBe(true);
    guard[Symbol.dispose]();
    await expect.poll(() => alive(watched), within).toBe(false);
  });
});

describe.runIf(process.platform === 'linux')('processStart', () => {
  it('tells processes apart and knows the dead', async () => {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    const pid = child.pid ?? Number.NaN;
    expect(processStart(pid)).toMatch(/^\d+$/);
    expect(processStart(pid)).not.toBe(processStart(1));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(processStart(pid)).toBeUndefined();
  });
});
