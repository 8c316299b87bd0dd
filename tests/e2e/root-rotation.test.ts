// Another root while traffic goes on: no request may notice, nobody may be left behind, and a kill loses no step.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handshake } from './support/handshake.ts';
import { startHandshakingMesh } from './support/handshakes.ts';
import { startLoad } from './support/http.ts';
import { credentialsOf } from './support/identity.ts';
import { at, listAt, type Mesh, pidOf, textAt, until } from './support/mesh.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startHandshakingMesh();
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const rootsOnDisk = (): string => readFileSync(join(mesh.state, 'ca/root-cert.pem'), 'utf8');
const stageNow = async (): Promise<string> =>
  textAt(await mesh.admin('/v1/ca'), 'rotation', 'stage') ?? 'over';

async function underLoad(step: () => Promise<void>): Promise<void> {
  // After a start of the control plane the agent reports its Pods anew.
  const client = await until('its Pod is known', () => mesh.pod('client'));
  const load = startLoad({ url: 'http://echo/', proxy: `${client.ip}:15001` }, 40);
  await step();
  const { sent, failures } = await load.stop();
  expect(failures).toEqual({});
  expect(sent).toBeGreaterThan(50);
}

describe('[AU-4] [AU-9] a root', () => {
  it('is replaced by one command under load; the old one counts for nothing afterwards', async () => {
    const server = await mesh.pod('echo');
    const before = await credentialsOf(mesh, 'client');
    const old = rootsOnDisk();
    expect(await handshake(server.ip, before)).toBeDefined();
    await underLoad(async () => {
      const rotated = await mesh.xebec(['ca', 'rotate', '--key-algorithm', 'rsa-2048', '--timeout', '60s']);
      expect(rotated.stderr).toContain('trust: proxies take both roots');
      expect(rotated.stderr).toContain('retire: proxies let go of the old root');
      expect(rotated.code).toBe(0);
    });
    expect(rootsOnDisk()).not.toBe(old);
    expect(await handshake(server.ip, before)).toBeUndefined();
    const after = await handshake(server.ip, await credentialsOf(mesh, 'client'));
    expect(after?.subjectAltName).toBe('URI:spiffe://cluster.local/ns/default/sa/echo');
    const status = await mesh.admin('/v1/ca');
    const workloads = listAt(status, 'workloads');
    expect(workloads.length).toBeGreaterThanOrEqual(3);
    expect(workloads.every((each) => at(each, 'hasBundle') === true && at(each, 'hasIssuer') === true)).toBe(
      true,
    );
    expect(at(status, 'bundle', 'roots')).toBe(1);
  }, 180_000);

  it('is replaced step by step, with a control plane that is killed at each', async () => {
    const old = rootsOnDisk();
    await underLoad(async () => {
      for (const stage of ['trust', 'reissue', 'verify', 'retire']) {
        const begun = await mesh.xebec(['ca', 'rotate', '--stage', stage, '--no-wait', '-o', 'json']);
        expect(begun.stderr).toBe('');
        const pid = pidOf(mesh, 'control-plane');
        process.kill(pid, 'SIGKILL');
        await until('another control plane', async () => pidOf(mesh, 'control-plane') !== pid && stageNow());
        const wanted = stage === 'retire' ? 'over' : stage;
        await until(
          `${stage} is proven`,
          async () => {
            const { rotation } = Object(await mesh.admin('/v1/ca'));
            const isThere = (rotation?.stage ?? 'over') === wanted;
            return isThere && (rotation ?? null) === null
              ? true
              : isThere && rotation.waitingFor.length === 0;
          },
          40_000,
        );
      }
    });
    expect(rootsOnDisk()).not.toBe(old);
  }, 240_000);

  it('that was not yet retired comes back', async () => {
    const old = rootsOnDisk();
    await underLoad(async () => {
      const half = await mesh.xebec(['ca', 'rotate', '--stage', 'verify', '--timeout', '60s']);
      expect(half.stdout).toContain('the rotation is at verify, and every workload is proven to have it');
      expect(rootsOnDisk().length).toBeGreaterThan(old.length);
      const back = await mesh.xebec(['ca', 'rollback', '--timeout', '60s']);
      expect(back.stdout).toContain('no rotation is under way; one root is trusted');
    });
    expect(rootsOnDisk()).toBe(old);
    const again = await mesh.xebec(['ca', 'rollback']);
    expect(again.stderr).toContain('[nothing-to-roll-back]');
    expect(again.code).toBe(1);
  }, 180_000);

  it('stays when only the intermediate is replaced', async () => {
    const old = rootsOnDisk();
    const issuer = textAt(await mesh.admin('/v1/ca'), 'bundle', 'issuer');
    await underLoad(async () => {
      const rotated = await mesh.xebec(['ca', 'rotate', '--intermediate', '--timeout', '60s']);
      expect(rotated.code).toBe(0);
    });
    expect(rootsOnDisk()).toBe(old);
    expect(textAt(await mesh.admin('/v1/ca'), 'bundle', 'issuer')).not.toBe(issuer);
    expect((await mesh.xebec(['ca', 'status'])).stdout).toMatch(
      /^Trust domain cluster.local, one root; (\d+) of \1 workloads are up to date/,
    );
  }, 180_000);
});
