import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { identifyProcess } from '../process/identity.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { acquireStateLock, readLockHolder } from './state-lock.ts';

const root = temporaryDirectory();
const lockSource = new URL('./state-lock.ts', import.meta.url).href;

function acquired(directory: string) {
  const result = acquireStateLock(directory, 'a test');
  if (!result.ok) throw new Error(result.diagnostics[0]?.message);
  return result.value;
}

/** Another process that tries for the lock, says what it got, and then waits. */
async function contender(directory: string) {
  const program = `
    const { acquireStateLock } = await import(${JSON.stringify(lockSource)});
    const result = acquireStateLock(${JSON.stringify(directory)}, 'xebec up');
    console.log(result.ok ? 'held' : result.diagnostics[0].code);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  const kill = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return { pid: child.pid, outcome: String(line), kill };
}

describe('acquireStateLock', () => {
  it('is exclusive, and free again once released', () => {
    const directory = join(root, 'exclusive');
    const lock = acquired(directory);
    const second = acquireStateLock(directory);
    expect(second.ok).toBe(false);
    if (!second.ok) {
      expect(second.diagnostics[0]).toMatchObject({ code: 'state-locked' });
      expect(second.diagnostics[0]?.message).toContain(`a test (process ${process.pid}`);
      expect(second.diagnostics[0]?.remedy).toContain('xebec down');
    }
    expect(readLockHolder(directory)?.pid).toBe(process.pid);
    lock.release();
    lock.release();
    expect(readLockHolder(directory)).toBeUndefined();
    acquired(directory).release();
  });

  it('is for the owner only', () => {
    const directory = join(root, 'modes');
    const lock = acquired(directory);
    const [name = ''] = readdirSync(join(directory, 'lock'));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'lock', name)).mode & 0o777).toBe(0o600);
    lock.release();
  });

  it('leaves no drafts and no old numbers behind', () => {
    const directory = join(root, 'tidy');
    for (let round = 0; round < 5; round++) acquired(directory).release();
    const lock = acquired(directory);
    expect(readdirSync(join(directory, 'lock'))).toEqual(['6']);
    lock.release();
  });

  it('names another process, and is taken over when that one was killed', async () => {
    const directory = join(root, 'takeover');
    const other = await contender(directory);
    expect(other.outcome).toBe('held');
    expect(readLockHolder(directory)).toMatchObject({ pid: other.pid, purpose: 'xebec up' });
    expect(acquireStateLock(directory).ok).toBe(false);
    await other.kill();
    acquired(directory).release();
  });

  it('lets exactly one of many have a dead lock', async () => {
    const directory = join(root, 'race');
    const dead = await contender(directory);
    await dead.kill();
    const rivals = await Promise.all([1, 2, 3, 4].map(() => contender(directory)));
    const outcomes = rivals.map(({ outcome }) => outcome).sort();
    await Promise.all(rivals.map(({ kill }) => kill()));
    expect(outcomes).toEqual(['held', 'state-locked', 'state-locked', 'state-locked']);
  });

  it('is not fooled by a pid that is used again, nor by a torn file', () => {
    for (const [index, text] of [
      JSON.stringify({ pid: process.pid, start: 'another boot/1', purpose: 'old', since: '' }),
      JSON.stringify({ pid: 'x' }),
      '{"pid":',
      '',
    ].entries()) {
      const directory = join(root, `stale-${index}`);
      mkdirSync(join(directory, 'lock'), { recursive: true });
      writeFileSync(join(directory, 'lock', '41'), text);
      expect(readLockHolder(directory)).toBeUndefined();
      const lock = acquired(directory);
      expect(readdirSync(join(directory, 'lock'))).toEqual(['42']);
      lock.release();
    }
    expect(identifyProcess(process.pid)?.start).not.toBe('another boot/1');
  });

  it('says what is wrong with a place that cannot be a directory', () => {
    writeFileSync(join(root, 'file'), '');
    const result = acquireStateLock(join(root, 'file', 'state'));
    expect(result).toMatchObject({
      ok: false,
      diagnostics: [{ severity: 'error', remedy: expect.any(String) }],
    });
  });
});
