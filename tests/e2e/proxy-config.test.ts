// ProxyConfig on real Envoys: worker threads, environment and metadata of proxies that start after it.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { envoyAdmin } from './support/envoy-admin.ts';
import { at, type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { processesNaming } from './support/processes.ts';

const config = (name: string, spec: string, namespace = 'default'): string =>
  `apiVersion: networking.istio.io/v1beta1\nkind: ProxyConfig\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n`;

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
}, 240_000);
afterAll(() => mesh?.stop());

/** `/server_info` of the Envoy of a Pod. */
const info = async (pod: string): Promise<unknown> =>
  JSON.parse(await envoyAdmin(mesh, (await mesh.pod(pod)).name, '/server_info'));
const threads = async (pod: string): Promise<unknown> =>
  at(at(await info(pod), 'command_line_options'), 'concurrency');
const metadata = async (pod: string, name: string): Promise<unknown> =>
  at(at(at(await info(pod), 'node'), 'metadata'), name);

/** Of the process of the Envoy of a Pod. */
async function variables(pod: string): Promise<readonly string[]> {
  const { name } = await mesh.pod(pod);
  const envoy = processesNaming(mesh.state).find(
    ({ command }) => command.includes('--config-path') && command.includes(name),
  );
  return readFileSync(`/proc/${envoy?.pid ?? 0}/environ`, 'utf8').split('\0');
}

/** A new Pod in the place of a workload's. */
async function restart(workload: string): Promise<void> {
  const before = (await mesh.pod(workload)).name;
  const restarted = await mesh.xebec(['rollout', 'restart', 'deployment', workload]);
  expect(restarted.code, restarted.stderr).toBe(0);
  await until(`${workload} is another Pod`, async () => {
    const pods = (await mesh.pods()).filter(({ name }) => name.startsWith(workload));
    return pods.length === 1 && pods.every(({ name, isReady }) => isReady && name !== before);
  });
}

describe('[MG-8] a ProxyConfig', () => {
  it('holds for proxies that start after it, the workload’s own before the mesh’s', async () => {
    expect(await threads('echo')).toBe(2);
    const applied = await mesh.apply(
      `${config('mesh', '{concurrency: 3, environmentVariables: {ISTIO_META_TEAM: all, ISTIO_META_ZONE: z}}', 'istio-system')}---\n` +
        config(
          'echo',
          '{selector: {matchLabels: {app: echo}}, concurrency: 1, environmentVariables: {ISTIO_META_TEAM: echoes, ISTIO_METAJSON_LIMITS: "[1, 2]", EXTRA: seen}}',
        ),
    );
    expect(applied.code, applied.stderr).toBe(0);
    expect(applied.stdout).toContain('for proxies that start from now on');
    expect(await threads('echo')).toBe(2);
    await restart('echo-v1');
    expect(await threads('echo')).toBe(1);
    expect(await metadata('echo', 'TEAM')).toBe('echoes');
    expect(await metadata('echo', 'ZONE')).toBe('z');
    expect(await metadata('echo', 'LIMITS')).toEqual([1, 2]);
    expect(await metadata('echo', 'NAMESPACE')).toBe('default');
    expect(await variables('echo')).toContain('EXTRA=seen');
    expect(await threads('client')).toBe(2);
    await restart('client');
    expect(await threads('client')).toBe(3);
    expect(await metadata('client', 'TEAM')).toBe('all');
  });

  it('that names no variable of a proxy is refused', async () => {
    const applied = await mesh.apply(config('bad', '{environmentVariables: {LD_PRELOAD: other.so}}'));
    expect(applied.code).not.toBe(0);
    expect(applied.stderr).toContain('[unsafe-variable]');
  });
});
