import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { manualTimers } from '../testing/manual-timers.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { systemTimers } from '../timers.ts';
import { processStart } from './identity.ts';
import { openLogFile } from './log-file.ts';
import { restartDelayMs } from './restart-policy.ts';
import {
  type ProcessSpec,
  type SupervisedProcess,
  type Surroundings,
  superviseProcess,
} from './supervised-process.ts';

const directory = temporaryDirectory();
const within = { timeout: 8_000, interval: 10 };
const forever = 'setInterval(() => {}, 1000);';
const started: SupervisedProcess[] = [];

function node(program: string, spec: Partial<ProcessSpec> = {}, surroundings: Surroundings = {}) {
  const process_ = superviseProcess(
    { name: 'test', command: process.execPath, args: ['-e', program], env: {}, ...spec },
    surroundings,
  );
  started.push(process_);
  return process_;
}

const read = (path: string) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

afterEach(async () => {
  await Promise.all(started.splice(0).map((one) => one.stop()));
});

describe('superviseProcess', () => {
  it('runs a process with its environment and directory, and keeps its output', async () => {
    const path = join(directory, 'a', 'out.log');
    const program = 'console.log(process.env.WORD, process.cwd()); console.error("oops");';
    const one = node(program, {
      env: { WORD: 'hello' },
      cwd: directory,
      stdout: { path },
      restart: { when: 'never' },
    });
    await expect.poll(() => one.state, within).toBe('ended');
    expect(read(path)).toBe(`hello ${directory}\noops\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(one.lastEnding).toEqual({ code: 0, signal: null });
  });

  it('separates standard error when asked', async () => {
    const [out, err] = [join(directory, 'b.out'), join(directory, 'b.err')];
    const one = node('console.log(1); console.error(2);', {
      stdout: { path: out },
      stderr: { path: err },
      restart: { when: 'never' },
    });
    await expect.poll(() => one.state, within).toBe('ended');
    expect([read(out), read(err)]).toEqual(['1\n', '2\n']);
  });

  it.runIf(process.getuid?.() === 0)('gives a process of another user its own log to write to', async () => {
    const path = join(directory, 'user.log');
    const program = 'require("node:fs").appendFileSync("/dev/stdout", "as " + process.getuid());';
    const one = node(program, { stdout: { path }, uid: 65_534, gid: 65_534, restart: { when: 'never' } });
    await expect.poll(() => one.state, within).toBe('ended');
    expect(read(path)).toBe('as 65534');
  });

  it('starts again after growing delays, and forgives a process that ran well', async () => {
    const timers = manualTimers();
    const pids: number[] = [];
    const one = node('process.exit(3)', { onStart: (pid) => pids.push(pid) }, { timers, random: () => 0.5 });
    for (const [index, delay] of [200, 400, 800].entries()) {
      await expect.poll(timers.waiting, within).toEqual([delay]);
      expect(one.restarts).toBe(index);
      timers.pass(delay);
    }
    timers.pass(60_000);
    await expect.poll(timers.waiting, within).toEqual([200]);
    expect(one.lastEnding).toEqual({ code: 3, signal: null });
    expect(new Set(pids).size).toBe(4);
  });

  it('starts a killed process again', async () => {
    const one = node(forever, { restart: { when: 'on-failure', firstDelayMs: 1 } });
    const first = one.pid ?? Number.NaN;
    process.kill(first, 'SIGKILL');
    await expect.poll(() => one.restarts === 1 && one.state === 'running', within).toBe(true);
    expect(one.pid).not.toBe(first);
    expect(one.lastEnding).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('does not start again what ended well under on-failure', async () => {
    const one = node('', { restart: { when: 'on-failure' } });
    await expect.poll(() => one.state, within).toBe('ended');
    expect(one.restarts).toBe(0);
  });

  it('says why a command cannot be started, and keeps trying', async () => {
    const timers = manualTimers();
    const one = node('', { command: 'no-such-command' }, { timers, random: () => 0.5 });
    await expect.poll(() => one.state, within).toBe('waiting');
    await expect.poll(timers.waiting, within).toEqual([200]);
    expect(one.lastEnding?.reason).toContain('no-such-command cannot be started');
    const other = node('', { cwd: join(directory, 'nowhere'), restart: { when: 'never' } });
    await expect.poll(() => other.lastEnding?.reason, within).toContain('does not exist');
  });

  it('stops with the signal it was told, once, and does not come back', async () => {
    const path = join(directory, 'stop.log');
    const program = `process.on('SIGINT', () => { console.log('bye'); process.exit(0); }); console.log('up'); ${forever}`;
    const one = node(program, { stdout: { path }, stopSignal: 'SIGINT' });
    await expect.poll(() => read(path), within).toBe('up\n');
    await Promise.all([one.stop(), one.stop()]);
    expect([one.state, one.pid, read(path)]).toEqual(['stopped', undefined, 'up\nbye\n']);
  });

  it('kills what does not stop in time, its children included', async () => {
    const path = join(directory, 'stubborn.log');
    const program = `
      process.on('SIGTERM', () => {});
      const child = require('node:child_process').spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); console.log(process.pid); ${forever}"], { stdio: ['ignore', 'inherit', 'ignore'] });
      ${forever}`;
    const one = node(program, { stdout: { path }, stopTimeoutMs: 100 });
    await expect.poll(() => read(path), within).toMatch(/\d+\n/);
    await one.stop();
    expect(one.lastEnding?.signal).toBe('SIGKILL');
    await expect.poll(() => processStart(Number(read(path))), within).toBeUndefined();
  });

  it('ends children that outlive their leader', async () => {
    const path = join(directory, 'orphan.log');
    const program = `
      require('node:child_process').spawn(process.execPath, ['-e', "console.log(process.pid); ${forever}"], { stdio: ['ignore', 'inherit', 'ignore'] });
      setTimeout(() => process.exit(0), 400);`;
    node(program, { stdout: { path }, restart: { when: 'never' } });
    await expect.poll(() => read(path), within).toMatch(/\d+\n/);
    await expect.poll(() => processStart(Number(read(path))), within).toBeUndefined();
  });

  it('can be stopped while it waits for its next start', async () => {
    const timers = manualTimers();
    const one = node('process.exit(1)', {}, { timers });
    await expect.poll(() => one.state, within).toBe('waiting');
    await one.stop();
    timers.pass(100_000);
    expect([one.state, one.restarts, timers.waiting()]).toEqual(['stopped', 0, []]);
  });

  it('restarts at once when asked', async () => {
    const states: string[] = [];
    const one = node(forever, { restart: { when: 'never' }, onState: (state) => states.push(state) });
    const first = one.pid;
    await one.restart();
    expect([one.state, one.restarts, one.pid === first]).toEqual(['running', 1, false]);
    expect(states).toEqual(['running', 'stopping', 'running']);
  });
});

describe('log files', () => {
  it('are turned over by size while a process writes to them, and keep so many', async () => {
    const path = join(directory, 'large.log');
    const one = node(`console.log('x'.repeat(500)); ${forever}`, {
      stdout: { path },
      restart: { when: 'never' },
    });
    await expect.poll(() => read(path).length, within).toBe(501);
    const log = openLogFile({ path, maxBytes: 100, keep: 2 }, systemTimers);
    expect([read(path), read(`${path}.1`).length]).toEqual(['', 501]);
    for (const text of ['a'.repeat(200), 'b'.repeat(200)]) {
      writeFileSync(log.descriptor, text);
      log.rotateIfLarge();
    }
    expect([read(path), read(`${path}.1`)[0], read(`${path}.2`)[0], read(`${path}.3`)]).toEqual([
      '',
      'b',
      'a',
      '',
    ]);
    log[Symbol.dispose]();
    expect(one.state).toBe('running');
  });
});

describe('restartDelayMs', () => {
  it('doubles up to its limit, with jitter around it', () => {
    const policy = { when: 'always', firstDelayMs: 100, longestDelayMs: 1_000 } as const;
    expect([1, 2, 3, 4, 5, 500].map((failures) => restartDelayMs(policy, failures, () => 0.5))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
    expect([restartDelayMs(policy, 9, () => 0), restartDelayMs(policy, 9, () => 0.999)]).toEqual([
      750, 1_250,
    ]);
  });
});
