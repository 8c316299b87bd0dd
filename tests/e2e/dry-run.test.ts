// Policies that are only tried: nothing changes, and what they would have decided is counted, logged and shown.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuardedMesh, startGuarded } from './support/guarded.ts';
import { fetchText } from './support/http.ts';
import { until } from './support/mesh.ts';
import { dial } from './support/tunnel.ts';

let guarded: GuardedMesh;

const policy = (name: string, spec: object, annotations: object = { 'istio.io/dry-run': 'true' }) => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name, annotations },
  spec: { selector: { matchLabels: { app: 'echo' } }, ...spec },
});
const onPath = (path: string) => ({ to: [{ operation: { paths: [path], ports: ['8080'] } }] });
const onTcp = { to: [{ operation: { ports: ['9000'] } }] };
const format =
  'tried %REQ(:PATH)% %DYNAMIC_METADATA(envoy.filters.http.rbac:istio_dry_run_deny_shadow_engine_result)% %DYNAMIC_METADATA(envoy.filters.http.rbac:istio_dry_run_deny_shadow_effective_policy_id)%\n';

const documents = [
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { mesh: JSON.stringify({ accessLogFormat: format }) },
  },
  policy('no-admin', { action: 'DENY', rules: [onPath('/admin')] }),
  policy('only-open', { rules: [onPath('/open')] }),
  policy('no-tcp', { action: 'DENY', rules: [onTcp] }),
  policy('no-secrets', { action: 'DENY', rules: [onPath('/secret')] }, {}),
];

const apply = async (...objects: readonly object[]): Promise<void> => {
  const run = await guarded.mesh.apply(objects.map((each) => JSON.stringify(each)).join('\n---\n'));
  expect(run.code, run.stderr).toBe(0);
};

beforeAll(async () => {
  guarded = await startGuarded();
  await apply(...documents);
}, 240_000);
afterAll(() => guarded?.stop());

const status = async (path: string): Promise<number> =>
  (await fetchText({ url: `http://echo${path}`, proxy: `${guarded.client}:15001` })).status;
const talk = () =>
  dial({ proxy: `${guarded.client}:15001`, target: 'echo:9000', say: 'hello', until: 'hello' });

const tried = async (...workload: readonly string[]): Promise<readonly string[]> => {
  const run = await guarded.mesh.xebec(['authz', 'dry-run', ...workload, '-o', 'json']);
  expect(run.code, run.stderr).toBe(0);
  return JSON.parse(run.stdout).items.map(
    (item: Record<string, unknown>) =>
      `${item['action']} ${item['policy'] ?? '-'} ${item['rule'] ?? '-'} ${item['over']} ${item['would']} ${item['calls']}`,
  );
};

describe('[AU-7] a dry run', () => {
  it('changes nothing, while what is enforced is', async () => {
    const statuses = [];
    for (const path of ['/admin', '/admin', '/open', '/other', '/secret']) statuses.push(await status(path));
    expect(statuses).toEqual([200, 200, 200, 200, 403]);
    expect(await talk()).toBe('ready\nhello');
  });

  it('is counted by rule, and shown', async () => {
    expect(await tried('echo-v1')).toEqual([
      // What is denied in earnest is not asked about any more.
      'ALLOW only-open.default 0 http allow 1',
      'ALLOW - - http deny 3',
      // A rule about requests would allow no connection.
      'ALLOW - - tcp deny 1',
      'DENY no-admin.default 0 http deny 2',
      'DENY - - http allow 3',
      'DENY - - tcp deny 1',
    ]);
    expect(await tried('client')).toEqual([]);
    const table = await guarded.mesh.xebec(['authz', 'dry-run']);
    expect(table.stdout).toMatch(/^WORKLOAD +ACTION +POLICY/);
    expect(table.stdout).toMatch(/DENY +no-admin\.default +0 +deny +http +2/);
  });

  it('is in the access log', async () => {
    const file = join(guarded.mesh.state, 'logs', (await guarded.mesh.pod('echo-v1')).name, 'access.log');
    await until('both verdicts', async () => {
      const lines = readFileSync(file, 'utf8').split('\n');
      return (
        lines.includes('tried /admin denied ns[default]-policy[no-admin]-rule[0]') &&
        lines.includes('tried /other allowed -')
      );
    });
  });

  it('is told by the check and the list, and decides nothing there', async () => {
    const question = ['--to', 'echo', '--port', '80', '--from', 'client', '--method', 'GET'];
    const check = await guarded.mesh.xebec(['authz', 'check', ...question, '--path', '/admin']);
    expect([check.code, check.stdout]).toEqual([
      0,
      expect.stringContaining('dry run: DENY AuthorizationPolicy default/no-admin'),
    ]);
    expect((await guarded.mesh.xebec(['authz', 'list', '--to', 'echo'])).stdout).toContain('DENY (dry run)');
  });

  it('is enforced once the annotation is gone', async () => {
    await apply(policy('no-admin', { action: 'DENY', rules: [onPath('/admin')] }, {}));
    await until('it holds', async () => (await status('/admin')) === 403);
  });
});
