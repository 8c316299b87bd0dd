// Which attributes of the vocabulary a proxy delivers about a request: each is asked for, and what never comes is said in the reference.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { istioAttributes } from '@xebec/policy';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';

/** Of maps one entry that the request, or the mesh, has. */
const entries: Readonly<Record<string, string>> = {
  'request.headers': 'x-agent',
  'request.query_params': 'colour',
  'response.headers': 'date',
  'source.labels': 'app',
  'destination.labels': 'app',
  'request.auth.claims': 'iss',
};
const variables = Object.fromEntries(
  istioAttributes.map(({ name, type }) => [
    name,
    type === 'STRING_MAP' ? `${name}["${entries[name] ?? 'any'}"]` : name,
  ]),
);

/** Of connections, and of requests that this one is not: judged by a call, with a token, of an API, of gRPC, of a model, failed in the proxy; of a client that is a service. */
const others = [
  /^connection\.(event|duration|received|sent)/,
  /^(check|quota)\.(error_|charged)/,
  /^request\.auth\./,
  /^(api\.|request\.api_key)/,
  /^response\.grpc_/,
  /^response\.\w*tokens$/,
  /^context\.proxy_error_code$/,
  /^source\.services$/,
];
const isOfOthers = (name: string): boolean => others.some((one) => one.test(name));

/** The reference says why. */
const neverTold = [
  ...['origin.ip', 'origin.uid', 'origin.user', 'request.reason'],
  ...['source.metadata', 'destination.metadata', 'destination.container.name'],
  ...['check.cache_hit', 'quota.cache_hit'],
];

const trial = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: trial, annotations: { istio.io/dry-run: "true" } }
spec: { selector: { matchLabels: { app: echo } }, action: DENY, rules: [{}] }
`;

const object = (kind: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'config.istio.io/v1alpha2', kind, metadata: { name }, spec });

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

it('[DP-22] a request tells the policy service every attribute that it has', async () => {
  const outputPath = join(mesh.state, 'attributes.log');
  const params = { logStream: 'FILE', outputPath, outputAsJson: true };
  const applied = await mesh.apply(
    [
      object('handler', 'lines', { compiledAdapter: 'stdio', params }),
      object('instance', 'all', {
        compiledTemplate: 'logentry',
        params: { severity: '"info"', timestamp: 'request.time', variables },
      }),
      object('rule', 'all', {
        match: 'request.path.startsWith("/all")',
        actions: [{ handler: 'lines', instances: ['all'] }],
      }),
      trial,
    ].join('\n---\n'),
  );
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
  const proxy = `${(await mesh.pod('client')).ip}:15001`;
  const headers = { 'x-agent': 'robot', 'user-agent': 'robot/1', referer: 'http://example/' };
  const lines = (): string[] => {
    try {
      return readFileSync(outputPath, 'utf8').split('\n').filter(Boolean);
    } catch {
      return [];
    }
  };
  const last = await until('a report', async () => {
    await fetchText({ url: 'http://echo/all?colour=red', proxy, headers });
    return lines()[0];
  });
  const told: Readonly<Record<string, unknown>> = JSON.parse(last);
  const missing = istioAttributes.map(({ name }) => name).filter((name) => !(name in told));
  expect(missing.filter((name) => !isOfOthers(name)).sort()).toEqual([...neverTold].sort());
  expect(told).toMatchObject({
    'request.headers': 'robot',
    'request.host': 'echo',
    'request.method': 'GET',
    'request.path': '/all?colour=red',
    'request.query_params': 'red',
    'request.referer': 'http://example/',
    'request.scheme': 'http',
    'request.size': 0,
    'request.url_path': '/all',
    'request.useragent': 'robot/1',
    'response.code': 200,
    'response.headers': expect.stringContaining('GMT'),
    'source.labels': 'client',
    'source.principal': 'cluster.local/ns/default/sa/client',
    'source.workload.name': 'client',
    'destination.labels': 'echo',
    'destination.port': 8080,
    'destination.principal': 'cluster.local/ns/default/sa/echo',
    'destination.service.host': 'echo.default.svc.cluster.local',
    'destination.uid': expect.stringMatching(/^kubernetes:\/\/echo-v1-.*\.default$/),
    'connection.mtls': true,
    'connection.requested_server_name': expect.stringContaining('echo.default.svc.cluster.local'),
    'context.protocol': 'http',
    'context.proxy_version': expect.stringMatching(/^\d+\.\d+\.\d+$/),
    'context.reporter.kind': 'inbound',
    'context.reporter.local': true,
    'rbac.permissive.effective_policy_id': expect.stringContaining('trial'),
    'rbac.permissive.response_code': 'denied',
  });
  for (const name of ['request.total_size', 'response.size', 'response.total_size'])
    expect(told[name], name).toBeGreaterThan(0);
  const page = readFileSync(repositoryFile('docs/reference/attributes.md'), 'utf8');
  const said = page.slice(page.indexOf('## What proxies do not tell'));
  for (const name of neverTold) expect(said, name).toContain(`\`${name}\``);
});
