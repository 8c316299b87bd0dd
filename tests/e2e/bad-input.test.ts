// What cannot work with `up`: each time the place, the remedy, a non-zero exit, and nothing left running.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchText, tally } from './support/http.ts';
import { admin, at, pidOf, repositoryFile, startMesh, textAt, until, xebec } from './support/mesh.ts';
import { processesNaming } from './support/processes.ts';

const echo = repositoryFile('tests/e2e/apps/echo');
let directory: string;
let state: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xb-bad-'));
  state = join(directory, 'state');
});
afterEach(async () => {
  await xebec(['down', '--state', state]);
  rmSync(directory, { recursive: true, force: true });
});

const write = (name: string, text: string): string => {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
};
async function up(paths: readonly string[], at = state) {
  const run = await xebec([
    ...['up', ...paths, '--detach', '--state', at],
    ...['--capture', 'explicit', '--ingress-port', '0', '--timeout', '30s'],
  ]);
  if (run.code !== 0) await until('nothing is left', async () => processesNaming(directory).length === 0);
  return run;
}

const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\n';

describe('[BY-15] manifests that are wrong', () => {
  it.each([
    [
      'YAML that is none',
      'apiVersion: v1\nkind: Service\nmetadata: {name: a\nspec: [\n',
      /:\d+:\d+: error: .+; .+/,
    ],
    ['an unknown kind', 'apiVersion: v1\nkind: Servise\nmetadata: {name: a}\n', /:2:\d+: error: .*Service/],
    [
      'an unknown field',
      'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec:\n  hostt: a\n',
      /:5:\d+: error: spec\.hostt: .*"host"/,
    ],
    ['a wrong type', `${service}spec:\n  ports: 5\n`, /:5:\d+: error: spec\.ports: .*list/],
    [
      'a field that is not supported yet',
      'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec:\n  host: a\n  trafficPolicy: {loadBalancer: {zoneAwareLbSetting: {}}}\n',
      /:6:\d+: error: spec\.trafficPolicy\.loadBalancer\.zoneAwareLbSetting: .*not yet supported/,
    ],
  ])('%s', async (_what, text, expected) => {
    const file = write('a.yaml', text);
    const { code, stderr } = await up([file]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${file}:`);
    expect(stderr).toMatch(expected);
  });

  it('an unknown field of a kind of Kubernetes is a warning: there are more than a mesh needs', async () => {
    const { code, stderr } = await up([write('a.yaml', `${service}spec:\n  portz: []\n`)]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/:5:\d+: warning: spec\.portz: .*"ports"/)]);
  });

  it('a reference to nothing is a warning: what it names may come later', async () => {
    const file = write(
      'a.yaml',
      'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n  hosts: [a.example.com]\n  http:\n  - route: [{destination: {host: nowhere}}]\n',
    );
    const { code, stderr } = await up([echo, file]);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /a\.yaml:7:\d+: warning: spec\.http\[0\]\.route\[0\]\.destination\.host: .*nowhere/,
    );
  });
});

describe('[DG-1] places that are wrong', () => {
  it.skipIf(process.getuid?.() !== 0)('a disk that is full', async ({ skip }) => {
    const disk = join(directory, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], {
        stdio: 'pipe',
        timeout: 30_000,
        killSignal: 'SIGKILL',
      });
    } catch {
      skip('this machine lets nobody mount');
    }
    try {
      const { code, stderr } = await up([echo], join(disk, 'state'));
      expect(code).toBe(1);
      expect(stderr).toMatch(/ENOSPC|no space left/i);
      expect(stderr).toMatch(/free (some|the)? ?.*space/);
    } finally {
      execFileSync('umount', ['-l', disk], { timeout: 30_000, killSignal: 'SIGKILL' });
    }
  });

  it.skipIf(process.getuid?.() !== 0)('a state directory that may only be read', async ({ skip }) => {
    const disk = join(directory, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', disk], {
        stdio: 'pipe',
        timeout: 30_000,
        killSignal: 'SIGKILL',
      });
    } catch {
      skip('this machine lets nobody mount');
    }
    try {
      const { code, stderr } = await up([echo], join(disk, 'state'));
      expect(code).toBe(1);
      expect(stderr).toContain(join(disk, 'state'));
      expect(stderr).toMatch(/may not be written; .*choose another directory/);
    } finally {
      execFileSync('umount', ['-l', disk], { timeout: 30_000, killSignal: 'SIGKILL' });
    }
  });

  it('a state directory of somebody else', async ({ skip }) => {
    if (process.getuid?.() === 0) skip('root may write anywhere');
    mkdirSync(state);
    chmodSync(state, 0o500);
    const { code, stderr } = await up([echo]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/--state/)]);
    chmodSync(state, 0o700);
  });
});

describe('[DG-1] [DP-24] what happens while it runs', () => {
  it('an agent that is killed: nothing of it stays, and everything runs again', async () => {
    await using mesh = await startMesh({ paths: [echo], state });
    const pid = pidOf(mesh, 'agent');
    const before = processesNaming(state);
    const proxies = before.filter(({ command: line }) => line.includes('--config-path'));
    expect(proxies).toHaveLength(3);
    process.kill(pid, 'SIGKILL');
    await until('another agent', async () => pidOf(mesh, 'agent') !== pid);
    await until(
      'the old proxies are gone and others are there',
      async () => {
        const now = processesNaming(state).filter(({ command: line }) => line.includes('--config-path'));
        return now.length === 3 && now.every((one) => proxies.every((old) => old.pid !== one.pid));
      },
      40_000,
    );
    await until('it serves', async () => (await fetchText({ url: mesh.ingress })).status === 200, 30_000);
    await mesh.xebec(['down']);
    await until('nothing is left', async () => processesNaming(directory).length === 0);
    const again = await up([echo]);
    expect(again.code, again.stderr).toBe(0);
  });

  it('several meshes that start at the same moment find their own ports', async () => {
    const states = [0, 1].map((i) => join(directory, `s${i}`));
    const runs = await Promise.all(states.map((one) => up([echo], one)));
    expect(runs.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0]);
    for (const one of states) expect((await xebec(['down', '--state', one])).code).toBe(0);
  });

  it('a disk that fills up while it runs: changes are refused, nothing is lost', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('only root may mount');
    const disk = join(directory, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk], {
        stdio: 'pipe',
        timeout: 30_000,
        killSignal: 'SIGKILL',
      });
    } catch {
      skip('this machine lets nobody mount');
    }
    try {
      const own = join(disk, 'state');
      const started = await up([echo], own);
      expect(started.code, started.stderr).toBe(0);
      const ingress = textAt(JSON.parse(readFileSync(join(own, 'run/mesh.json'), 'utf8')), 'ingress') ?? '';
      const agent = pidOf({ state: own }, 'agent');
      // More than what is left of the journal's last block.
      const subsets = Array.from({ length: 500 }, (_, i) => `  - {name: s${i}, labels: {version: v${i}}}\n`);
      const rule = `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo}\nspec:\n  host: echo\n  subsets:\n${subsets.join('')}`;
      fill(join(disk, 'ballast'));
      const refused = await xebec(['apply', '-f', '-', '--state', own], { input: rule });
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/free some disk space/);
      expect((await xebec(['get', 'dr', 'echo', '--state', own])).code).toBe(1);
      expect(await tally({ url: ingress }, 200, ({ status }) => String(status))).toEqual({ 200: 200 });
      rmSync(join(disk, 'ballast'));
      const taken = await xebec(['apply', '-f', '-', '--state', own], { input: rule });
      expect(taken.code, taken.stderr).toBe(0);
      const history = await admin(own, '/v1/history');
      expect(textAt(at(history, 'items', 0), 'owner')).toBe('api');
      expect(pidOf({ state: own }, 'agent')).toBe(agent);
      expect((await xebec(['down', '--state', own])).code).toBe(0);
    } finally {
      await xebec(['down', '--state', join(disk, 'state')]);
      execFileSync('umount', ['-l', disk], { timeout: 30_000, killSignal: 'SIGKILL' });
    }
  });
});

/** Takes all the room that is left of a few megabytes. */
function fill(file: string): void {
  let left = 16 << 20;
  for (let size = 1 << 20; size >= 1; size >>= 1) {
    for (; left > 0; left -= size) {
      try {
        writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
      } catch {
        break;
      }
    }
  }
  expect(left, 'the disk is as small as it was mounted').toBeGreaterThan(0);
}
