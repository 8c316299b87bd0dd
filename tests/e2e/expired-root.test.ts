// An authority whose time is over: everybody is told what to do, and the command that mends it does not need what has expired.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAuthority } from '@xebec/ca';
import { afterAll, describe, expect, it } from 'vitest';
import { fetchText, startLoad } from './support/http.ts';
import { at, type Mesh, repositoryFile, startMesh, until, xebec } from './support/mesh.ts';

const day = 24 * 3_600_000;
const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A state directory whose authority was made that many days ago. */
function stateOf(daysAgo: number): string {
  const state = mkdtempSync(join(tmpdir(), 'xb-'));
  directories.push(state);
  const made = openAuthority({
    directory: join(state, 'ca'),
    trustDomain: 'cluster.local',
    clock: () => Date.now() - daysAgo * day,
  });
  if (!made.ok) throw new Error(JSON.stringify(made.diagnostics));
  return state;
}

const callsWork = async (mesh: Mesh): Promise<boolean> => {
  const client = await mesh.pod('client');
  return (await fetchText({ url: 'http://echo/', proxy: `${client.ip}:15001` })).status === 200;
};

describe('[AU-9] an authority', () => {
  it('whose root has expired is replaced by the command line, and the mesh starts', async () => {
    const state = stateOf(10 * 365 + 1);
    const status = await xebec(['ca', 'status', '--state', state]);
    expect(status.code).toBe(0);
    expect(status.stdout).toMatch(/^root\s+Root CA \w+\s+EXPIRED/m);
    expect(status.stderr).toContain('xebec ca replace');
    const refused = await xebec(['up', '--detach', '--state', state], { timeoutMs: 60_000 });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('a certificate of the authority has expired');
    const replaced = await xebec(['ca', 'replace', '--state', state]);
    expect(replaced.stdout).toContain('the next start makes another one');
    expect(readdirSync(state).some((name) => name.startsWith('ca-replaced-'))).toBe(true);
    await using mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')], state });
    await until('calls are answered', () => callsWork(mesh));
    const again = await mesh.xebec(['ca', 'replace']);
    expect(again.code).toBe(1);
  }, 240_000);

  it('whose root ends soon says so, and one without a day left is replaced without waiting for anybody', async () => {
    const state = stateOf(10 * 365 - 5);
    await using mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')], state });
    const soon = await mesh.xebec(['status']);
    expect(soon.stdout).toMatch(/^certificates\s+root 4d, intermediate/m);
    expect(soon.stdout).toMatch(/warning: the root certificate Root CA \w+ expires in less than 10 days/);
    expect(at(await mesh.admin('/v1/ca'), 'bundle', 'roots')).toBe(1);
    const client = await mesh.pod('client');
    const load = startLoad({ url: 'http://echo/', proxy: `${client.ip}:15001` }, 20);
    // Its intermediate had ended, and was replaced at the start.
    await until('the start is over', async () => at(await mesh.admin('/v1/ca'), 'rotation') === null);
    const forced = await mesh.xebec(['ca', 'rotate', '--force']);
    expect(forced.code).toBe(0);
    await until('everybody has the new one', async () =>
      (await mesh.xebec(['ca', 'status'])).stdout.includes('3 of 3 workloads are up to date'),
    );
    await until(
      'nothing that expires soon is left',
      async () => !(await mesh.xebec(['status'])).stdout.includes('expires in'),
    );
    expect((await load.stop()).sent).toBeGreaterThan(10);
    expect(await callsWork(mesh)).toBe(true);
  }, 240_000);
});
