// What `xebec authz check` says of a mesh is what its proxies do: as it is, as it was, and as it would be.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type GuardedMesh, startGuarded } from './support/guarded.ts';
import { fetchText } from './support/http.ts';
import { listAt, type Run, textAt } from './support/mesh.ts';
import { dial } from './support/tunnel.ts';

let guarded: GuardedMesh;
beforeAll(async () => {
  guarded = await startGuarded();
}, 240_000);
afterAll(() => guarded?.stop());
afterEach(() => guarded.clear());

const toEcho = { selector: { matchLabels: { app: 'echo' } } };
const onlyClientReads = {
  ...toEcho,
  rules: [
    {
      from: [{ source: { serviceAccounts: ['client'] } }],
      to: [{ operation: { methods: ['GET'], paths: ['/open', '/files/{*}/text'] } }],
    },
  ],
};

const check = (...options: readonly string[]): Promise<Run> =>
  guarded.mesh.xebec(['authz', 'check', '--to', 'echo', ...options]);

const asked = async (...options: readonly string[]): Promise<unknown> =>
  JSON.parse((await check(...options, '-o', 'json')).stdout);

async function statusOf(from: 'client' | 'stranger', method: string, path: string): Promise<number> {
  return (await fetchText({ url: `http://echo${path}`, proxy: `${guarded[from]}:15001`, method })).status;
}

describe('[AU-7] the mesh that runs', () => {
  it.each([
    ['client', 'GET', '/open', 200],
    ['client', 'GET', '/x/../open?y', 200],
    ['client', 'GET', '/files/1/text', 200],
    ['client', 'GET', '/files/1/2/text', 403],
    ['client', 'POST', '/open', 403],
    ['stranger', 'GET', '/open', 403],
  ] as const)('%s %s %s: %s', async (from, method, path, status) => {
    await guarded.policy('only-client', onlyClientReads);
    expect(await statusOf(from, method, path)).toBe(status);
    const { code, stdout } = await check('--port', '80', '--from', from, '--method', method, '--path', path);
    expect([code, stdout]).toEqual([
      status === 200 ? 0 : 1,
      expect.stringMatching(status === 200 ? /^allowed: / : /^denied: /),
    ]);
  });

  it('names the policy, the rule and the place', async () => {
    await guarded.policy('only-client', onlyClientReads);
    const options = ['--port', '80', '--method', 'GET', '--path', '/open'];
    expect(await asked(...options, '--from', 'client')).toMatchObject({
      decision: 'ALLOW',
      reason: 'rule',
      policy: 'AuthorizationPolicy/default/only-client',
      rule: 0,
      origin: expect.stringMatching(/:\d+$/),
    });
    expect(await asked(...options)).toMatchObject({
      decision: 'DENY',
      reason: 'nothing-allows',
      policy: null,
    });
  });

  it('knows connections, and that clear text is nobody', async () => {
    await guarded.policy('only-client', {
      ...toEcho,
      rules: [{ from: [{ source: { serviceAccounts: ['client'] } }] }],
    });
    const greeting = (from: string) => dial({ proxy: `${from}:15001`, target: 'echo:9000' });
    expect([await greeting(guarded.client), await greeting(guarded.stranger)]).toEqual(['ready\n', '']);
    const codes = [];
    for (const from of [['--from', 'client'], ['--from', 'stranger'], []])
      codes.push((await check('--port', '9000', ...from)).code);
    expect(codes).toEqual([0, 1, 1]);
  });

  it('requires mutual TLS where the workload does', async () => {
    const strict = { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication' };
    const document = { ...strict, metadata: { name: 'strict' }, spec: { mtls: { mode: 'STRICT' } } };
    const run = await guarded.mesh.apply(JSON.stringify(document));
    expect(run.code, run.stderr).toBe(0);
    expect(await asked('--port', '80')).toMatchObject({
      decision: 'DENY',
      reason: 'mutual-tls-required',
      policy: 'PeerAuthentication/default/strict',
    });
    await guarded.mesh.xebec(['delete', 'PeerAuthentication', 'strict', '--wait']);
  });
});

describe('[AU-7] other meshes', () => {
  it('the one that was, and the one that would be', async () => {
    const [latest] = listAt(await guarded.mesh.admin('/v1/history?limit=1'), 'items');
    const before = String(Reflect.get(Object(latest), 'number'));
    await guarded.policy('only-client', onlyClientReads);
    const call = ['--port', '80', '--from', 'stranger', '--method', 'GET', '--path', '/open'];
    expect((await check(...call)).code).toBe(1);
    expect((await check(...call, '--at', before)).code).toBe(0);
    const denial = JSON.stringify({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'nobody' },
      spec: { action: 'DENY', rules: [{}] },
    });
    const client = call.map((word) => (word === 'stranger' ? 'client' : word));
    expect((await check(...client)).code).toBe(0);
    const proposed = await guarded.mesh.xebec(
      ['authz', 'check', '--to', 'echo', ...client, '--at', 'live', '-f', '-', '-o', 'json'],
      { input: denial },
    );
    expect(proposed.code).toBe(1);
    const answer: unknown = JSON.parse(proposed.stdout);
    expect([textAt(answer, 'policy'), textAt(answer, 'origin')]).toEqual([
      'AuthorizationPolicy/default/nobody',
      '<stdin>:1',
    ]);
    expect((await check(...client)).code).toBe(0);
  });
});

describe('[AU-7] what is no answer exits with 2', () => {
  it.each([
    [['--to', 'echoo'], 'did you mean "echo.default"?'],
    [['--from', 'cliend', '--port', '80'], 'did you mean "client.default"?'],
    [[], 'echo has several ports; name one of 80 (http)'],
    [['--port', '80', '--at', '999999'], '999999'],
    [['--port', '80', '--ip', 'here'], 'is no address'],
  ])('%j', async (options, message) => {
    const { code, stdout, stderr } = await check(...options);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });
});
