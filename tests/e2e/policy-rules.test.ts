// Rules of the policy service that proxies decide by themselves: no call is made, and the words are the rule's.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { at, listAt, type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';

const object = (kind: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'config.istio.io/v1alpha2', kind, metadata: { name }, spec });
const documents = (...objects: readonly string[]): string => objects.join('\n---\n');

const isEcho = 'destination.labels["app"] == "echo"';
const deny = (message: string): string =>
  object('handler', 'deny', { compiledAdapter: 'denier', params: { status: { code: 7, message } } });
const users = (overrides: readonly string[], blacklist: boolean): string =>
  object('handler', 'users', { compiledAdapter: 'listchecker', params: { overrides, blacklist } });
const rules = documents(
  deny('no writes, 100 %'),
  users(['jason'], false),
  object('instance', 'nothing', { compiledTemplate: 'checknothing' }),
  object('instance', 'user', {
    compiledTemplate: 'listentry',
    params: { value: 'request.headers["end-user"] | "nobody"' },
  }),
  object('rule', 'no-writes', {
    match: `${isEcho} && request.method == "PUT"`,
    actions: [{ handler: 'deny', instances: ['nothing'] }],
  }),
  object('rule', 'known-users', {
    match: `${isEcho} && request.path.startsWith("/private")`,
    actions: [{ handler: 'users', instances: ['user'] }],
  }),
  object('rule', 'elsewhere', {
    match: 'destination.namespace == "other"',
    actions: [{ handler: 'deny', instances: ['nothing'] }],
  }),
);

let mesh: Mesh;
let proxy: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  await apply(rules);
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

async function apply(yaml: string): Promise<void> {
  const { code, stderr } = await mesh.apply(yaml);
  expect([code, stderr]).toEqual([0, expect.anything()]);
}

const call = async (path: string, method = 'GET', user?: string) => {
  const headers = user === undefined ? {} : { 'end-user': user };
  const { status, body } = await fetchText({ url: `http://echo${path}`, proxy, method, headers });
  return { status, body };
};

describe('[MX-9] rules that proxies decide by themselves', () => {
  it('[DP-20] [MX-1] what a denier refuses never reaches the application', async () => {
    await until('writes are refused', async () => (await call('/', 'PUT')).status === 403);
    expect(await call('/', 'PUT')).toEqual({
      status: 403,
      body: 'PERMISSION_DENIED:deny.default:no writes, 100 %',
    });
    expect((await call('/')).status).toBe(200);
  });

  it('a list lets those in who are on it, and names who is not', async () => {
    await until('strangers are refused', async () => (await call('/private')).status === 403);
    expect((await call('/private', 'GET', 'jason')).status).toBe(200);
    expect((await call('/private', 'GET', 'eve')).body).toBe(
      'PERMISSION_DENIED:users.default:eve is not whitelisted',
    );
    expect((await call('/public', 'GET', 'eve')).status).toBe(200);
  });

  it('changes with its configuration, and nothing else', async () => {
    await apply(documents(deny('not now'), users(['eve'], true)));
    await until(
      'the new words',
      async () => (await call('/', 'PUT')).body === 'PERMISSION_DENIED:deny.default:not now',
    );
    await until(
      'the list is of those who stay out',
      async () => (await call('/private', 'GET', 'eve')).status === 403,
    );
    expect((await call('/private', 'GET', 'jason')).status).toBe(200);
    expect((await call('/private')).status).toBe(200);
  });

  it('is explained, and is what a dry evaluation says, too', async () => {
    const shown = JSON.parse((await mesh.xebec(['explain', 'policy', 'no-writes', '-o', 'json'])).stdout);
    const places = listAt(shown, 'workloads').map((each) => [
      /^Pod\/default\/(client|echo)/.exec(textAt(each, 'workload') ?? '')?.[1],
      textAt(listAt(each, 'actions')[0], 'where'),
    ]);
    expect(Object.fromEntries(places)).toMatchObject({ client: 'nowhere', echo: 'proxy' });
    const check = [
      'authz',
      'check',
      '--from',
      'client',
      '--to',
      'echo',
      '--port',
      '80',
      '--method',
      'PUT',
      '--path',
      '/',
      '-o',
      'json',
    ];
    const checked = await mesh.xebec(check);
    expect(checked.stderr).toBe('');
    const answer = JSON.parse(checked.stdout);
    expect([at(answer, 'decision'), at(answer, 'policy')]).toEqual(['DENY', 'rule/default/no-writes']);
  });

  it('ends with its rule', async () => {
    await mesh.xebec(['delete', 'rule', 'no-writes']);
    await until('writes pass', async () => (await call('/', 'PUT')).status === 200);
  });
});

describe('[MX-1] a policy service that does not answer', () => {
  let stopped: number | undefined;
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
    const { pid } = JSON.parse(readFileSync(join(mesh.state, 'run', 'policy.pid'), 'utf8'));
    stopped ??= Number(pid);
    process.kill(stopped, name);
  };
  afterAll(() => {
    if (stopped !== undefined) signal('SIGCONT');
  });

  it('is refused what it is to be asked about, unless the rule says otherwise', async () => {
    const asked = (annotations: object): string =>
      JSON.stringify({
        apiVersion: 'config.istio.io/v1alpha2',
        kind: 'rule',
        metadata: { name: 'asked', annotations },
        spec: {
          match: `${isEcho} && request.path == "/asked" && source.labels["app"] == "x"`,
          actions: [{ handler: 'deny', instances: ['nothing'] }],
        },
      });
    await apply(asked({}));
    await until('the service answers', async () => (await call('/asked')).status === 200, 60_000);
    signal('SIGSTOP');
    expect((await call('/asked')).status).toBe(403);
    expect((await call('/')).status).toBe(200);
    await apply(asked({ 'policy.xebec.io/failure-policy': 'open' }));
    await until('it passes', async () => (await call('/asked')).status === 200);
  });
});
