// Who else is asked: providers over HTTP and gRPC, about what their policies match, and what becomes of it when they are silent.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type GuardedMesh, startGuarded } from './support/guarded.ts';
import { type Answer, fetchText } from './support/http.ts';
import { type Judge, startJudge } from './support/judge.ts';
import { until } from './support/mesh.ts';
import { dial } from './support/tunnel.ts';

let guarded: GuardedMesh;
let judge: Judge;

const entry = (): object => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { name: 'judge' },
  spec: {
    hosts: ['judge.example'],
    location: 'MESH_EXTERNAL',
    resolution: 'STATIC',
    ports: [
      { number: 8000, name: 'http', protocol: 'HTTP' },
      { number: 9000, name: 'grpc', protocol: 'GRPC' },
    ],
    endpoints: [{ address: '127.0.0.1', ports: { http: judge.httpPort, grpc: judge.grpcPort } }],
  },
});

const http = { service: 'judge.example', port: 8000, timeout: '0.5s' };
const providers = [
  {
    name: 'web',
    envoyExtAuthzHttp: {
      ...http,
      pathPrefix: '/check',
      includeRequestHeadersInCheck: ['x-judge', 'x-more-*'],
      includeAdditionalHeadersInCheck: { 'x-from': 'mesh' },
      includeRequestBodyInCheck: { maxRequestBytes: 1024, allowPartialMessage: true },
      headersToUpstreamOnAllow: ['x-user'],
      headersToDownstreamOnDeny: ['x-why'],
      headersToDownstreamOnAllow: ['x-seen'],
    },
  },
  { name: 'web.open', envoyExtAuthzHttp: { ...http, failOpen: true } },
  { name: 'web-503', envoyExtAuthzHttp: { ...http, statusOnError: '503' } },
  { name: 'rpc', envoyExtAuthzGrpc: { service: 'judge.example', port: 9000, timeout: '0.5s' } },
  { name: 'pod', envoyExtAuthzHttp: { service: 'verdicts.default.svc.cluster.local', port: 8000 } },
  { name: 'nowhere', envoyExtAuthzHttp: { service: 'gone.example', port: 80 } },
];
const settings = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio', namespace: 'istio-system' },
  data: { mesh: JSON.stringify({ extensionProviders: providers }) },
};
const verdicts = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'verdicts' },
  spec: { selector: { app: 'stranger' }, ports: [{ name: 'http', port: 8000, targetPort: 8080 }] },
};

const toEcho = { selector: { matchLabels: { app: 'echo' } } };
/** Where there are requests: a rule that denies would deny connections whatever their path. */
const onPath = (...paths: readonly string[]) => ({ to: [{ operation: { paths, ports: ['8080'] } }] });
const onPort = (port: string) => ({ to: [{ operation: { ports: [port] } }] });

const policy = (name: string, spec: object) => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name },
  spec: { ...toEcho, ...spec },
});
const asking = (name: string, provider: string, ...rules: readonly object[]) =>
  policy(name, { action: 'CUSTOM', provider: { name: provider }, rules });

/** All at once, each about paths of its own. */
const policies = [
  asking('web', 'web', onPath('/web', '/web/*', '/both', '/order/*')),
  asking('web-open', 'web.open', onPath('/web-open')),
  asking('web-503', 'web-503', onPath('/web-503')),
  asking('rpc', 'rpc', onPath('/rpc*', '/both'), onPort('9000')),
  asking('pod', 'pod', onPath('/pod')),
  asking('nowhere', 'nowhere', onPath('/nowhere')),
  asking('unknown', 'unknown', onPath('/unknown')),
  policy('deny', { action: 'DENY', rules: [onPath('/order/denied')] }),
  policy('allow', { rules: [{ to: [{ operation: { notPaths: ['/order/other'] } }] }, onPort('9000')] }),
];

beforeAll(async () => {
  judge = await startJudge();
  guarded = await startGuarded();
  const documents = [entry(), settings, verdicts, ...policies].map((each) => JSON.stringify(each));
  const run = await guarded.mesh.apply(documents.join('\n---\n'));
  expect(run.code, run.stderr).toBe(0);
}, 240_000);
afterAll(async () => {
  await guarded?.stop();
  judge?.close();
});
afterEach(() => {
  judge.isSilent = false;
  judge.allowsConnections = true;
  judge.asked.length = 0;
});

const ask = (path: string, headers: Readonly<Record<string, string>> = {}, more: object = {}) =>
  fetchText({ url: `http://echo${path}`, proxy: `${guarded.client}:15001`, headers, ...more });

/** The headers that the application has seen. */
const seen = ({ body }: Answer): Readonly<Record<string, string>> => JSON.parse(body).headers;

const logOf = async (pod: string): Promise<string> =>
  readFileSync(join(guarded.mesh.state, 'logs', (await guarded.mesh.pod(pod)).name, 'access.log'), 'utf8');

const statuses = async (
  paths: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly number[]> => {
  const all: number[] = [];
  for (const path of paths) all.push((await ask(path, headers)).status);
  return all;
};

const talk = (target: string) =>
  dial({ proxy: `${guarded.client}:15001`, target, say: 'hello', until: 'hello' });

const check = (path: string, ...more: readonly string[]) =>
  guarded.mesh.xebec([
    ...['authz', 'check', '--to', 'echo', '--port', '80', '--from', 'client', '--method', 'GET'],
    ...['--path', path, ...more],
  ]);

const deny = { 'x-judge': 'deny' };

describe('[AU-8] over HTTP', () => {
  it('asks about what the policy matches, and about nothing else', async () => {
    expect((await ask('/none', deny)).status).toBe(200);
    expect(judge.asked).toEqual([]);
    const answer = await ask('/web/a?b', { 'x-more-1': 'm', 'x-less': 'l' }, { method: 'POST', body: 'hey' });
    expect(answer.status).toBe(200);
    expect(judge.asked).toMatchObject([
      { over: 'http', method: 'POST', path: '/check/web/a?b', body: 'hey' },
    ]);
    expect(judge.asked[0]?.headers).toMatchObject({ 'x-more-1': 'm', 'x-from': 'mesh' });
    expect(judge.asked[0]?.headers).not.toHaveProperty('x-less');
    expect([seen(answer)['x-user'], seen(answer)['x-inner']]).toEqual(['alice', undefined]);
    expect([answer.headers['x-seen'], answer.headers['x-inner']]).toEqual(['yes', undefined]);
  });

  it('gives a denial back with its body, and the application sees nothing of it', async () => {
    const answer = await ask('/web/denied', deny);
    expect([answer.status, answer.body, answer.headers['x-why'], answer.headers['x-inner']]).toEqual([
      401,
      'no, says the judge',
      'http judge',
      undefined,
    ]);
    await until('the log says who', async () =>
      (await logOf('echo-v1'))
        .split('\n')
        .some((line) => line.includes('/web/denied') && line.includes('ext_authz_denied')),
    );
  });

  it('refuses when there is no answer in time, lets pass where that is asked for, and answers as written', async () => {
    judge.isSilent = true;
    expect(await statuses(['/web', '/web-open', '/web-503', '/none'])).toEqual([403, 200, 503, 200]);
  });

  it('asks a workload of the mesh, which may have policies of its own', async () => {
    expect((await ask('/pod')).status).toBe(200);
    const only = (account: string) => ({
      selector: { matchLabels: { app: 'stranger' } },
      rules: [{ from: [{ source: { serviceAccounts: [account] } }] }],
    });
    await guarded.policy('only', only('nobody'));
    expect((await ask('/pod')).status).toBe(403);
    await guarded.policy('only', only('echo'));
    expect((await ask('/pod')).status).toBe(200);
    await guarded.clear();
  });
});

describe('[AU-8] over gRPC', () => {
  it('allows with other headers, and denies with a body', async () => {
    const answer = await ask('/rpc', { 'x-remove': 'me' });
    expect([answer.status, answer.headers['x-seen']]).toEqual([200, 'by grpc']);
    expect([seen(answer)['x-user'], seen(answer)['x-remove']]).toEqual(['bob', undefined]);
    expect(judge.asked).toMatchObject([
      { over: 'grpc', path: '/rpc', principal: 'spiffe://cluster.local/ns/default/sa/client' },
    ]);
    const denied = await ask('/rpc-denied', deny);
    expect([denied.status, denied.body, denied.headers['x-why']]).toEqual([
      403,
      'not here, says the judge',
      'grpc judge',
    ]);
    judge.isSilent = true;
    expect((await ask('/rpc')).status).toBe(403);
  });

  it('asks about connections at their first byte', async () => {
    expect(await talk('echo:9000')).toBe('ready\nhello');
    expect(judge.asked).toMatchObject([{ principal: 'spiffe://cluster.local/ns/default/sa/client' }]);
    judge.allowsConnections = false;
    expect(await talk('echo:9000')).toBe('');
    expect(judge.asked.length).toBe(2);
  });
});

describe('[AU-7] the order', () => {
  it('several providers of one workload, each about its own; all that are asked must allow', async () => {
    expect(await statuses(['/web', '/rpc', '/both', '/none'])).toEqual([200, 200, 200, 200]);
    expect(judge.asked.map(({ over, path }) => `${over} ${path.replace('/check', '')}`)).toEqual([
      'http /web',
      'grpc /rpc',
      'grpc /both',
      'http /both',
    ]);
  });

  it('CUSTOM, then DENY, then ALLOW', async () => {
    const paths = ['/order/denied', '/order/allowed', '/order/other'];
    expect(await statuses(paths, deny)).toEqual([401, 401, 401]);
    expect(await statuses(paths)).toEqual([403, 200, 403]);
    expect(judge.asked.length).toBe(6);
  });
});

describe('[AU-8] nobody to ask', () => {
  it('[DP-20] what the policy matches is refused by a rule that the log names, and never reaches the application', async () => {
    expect(await statuses(['/nowhere', '/unknown', '/none'])).toEqual([403, 403, 200]);
    await until('the log names the rule', async () =>
      (await logOf('echo-v1'))
        .split('\n')
        .some((line) =>
          /\/unknown.* 403 .*rbac_access_denied_matched_policy\[ns\[default\]-policy\[unknown\]-rule\[0\]\]/.test(
            line,
          ),
        ),
    );
  });

  it('and the findings and the check say why', async () => {
    const run = await guarded.mesh.xebec(['analyze']);
    expect(run.stdout + run.stderr).toContain('the mesh has no provider "unknown"');
    const { code, stdout } = await check('/nowhere');
    expect(code).toBe(1);
    expect(stdout).toContain('cannot be asked: there is no service gone.example');
    const asked = await check('/web', '-o', 'json');
    expect(JSON.parse(asked.stdout)).toMatchObject({ decision: 'CUSTOM', provider: 'web', rule: 0 });
  });
});
