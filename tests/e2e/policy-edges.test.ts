// Rules where calls leave the mesh and where they come in: the last proxy on the way enforces what nobody behind it can, and each call is judged once.
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EdgeMesh, startEdgeMesh } from './support/edge.ts';
import { fetchText } from './support/http.ts';
import { until } from './support/mesh.ts';

const object = (kind: string, name: string, spec: object, namespace = 'default'): string =>
  JSON.stringify({ apiVersion: 'config.istio.io/v1alpha2', kind, metadata: { name, namespace }, spec });
const documents = (...objects: readonly string[]): string => objects.join('\n---\n');

let edge: EdgeMesh;
let client: string;
let outside: Server;
const heard: { readonly host: string; readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];

beforeAll(async () => {
  edge = await startEdgeMesh([
    { name: 'ingress', ports: [80] },
    { name: 'egress', ports: [443] },
  ]);
  client = `${(await edge.mesh.pod('client')).ip}:15001`;
  outside = createServer(({ headers, url = '' }, response) => {
    heard.push({ host: headers.host ?? '', path: url, headers });
    response.end('outside');
  });
  const port = await new Promise<number>((resolve) =>
    outside.listen(0, '127.0.0.1', () => resolve(Number(Object(outside.address()).port))),
  );
  await apply(
    documents(service, gateways, ...['partner', 'direct', 'bare'].map((name) => entry(name, port))),
  );
  await apply(documents(toEgress, toEcho, ...parts()));
}, 240_000);
afterAll(async () => {
  await edge?.stop();
  outside?.close();
});

async function apply(yaml: string): Promise<void> {
  const { code, stderr } = await edge.mesh.apply(yaml);
  expect([code, stderr]).toEqual([0, expect.anything()]);
}

const service = `apiVersion: v1
kind: Service
metadata: { name: egress, namespace: istio-system }
spec: { selector: { istio: egress }, ports: [{ name: https, port: 443 }] }
`;
const entry = (name: string, port: number): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.example]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  location: ${name === 'bare' ? 'MESH_INTERNAL' : 'MESH_EXTERNAL'}
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { http: ${port} } }]
`;
const gateways = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: egress }
spec:
  selector: { istio: egress }
  servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: ["*"], tls: { mode: ISTIO_MUTUAL } }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ingress }
spec:
  selector: { istio: ingress }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: to-egress }
spec:
  host: egress.istio-system.svc.cluster.local
  trafficPolicy: { tls: { mode: ISTIO_MUTUAL } }
`;
const toEgress = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: partner }
spec:
  hosts: [partner.example]
  gateways: [mesh, egress]
  http:
  - match: [{ gateways: [mesh] }]
    route: [{ destination: { host: egress.istio-system.svc.cluster.local, port: { number: 443 } } }]
  - match: [{ gateways: [egress] }]
    route: [{ destination: { host: partner.example } }]
`;
const toEcho = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: in }
spec:
  hosts: [echo.example, bare.example]
  gateways: [ingress]
  http:
  - match: [{ authority: { exact: bare.example } }]
    route: [{ destination: { host: bare.example } }]
  - route: [{ destination: { host: echo.default.svc.cluster.local, port: { number: 80 } } }]
`;

const lines = (): string => join(edge.mesh.state, 'edges.log');
const report = (name: string, match: string, namespace: string): string =>
  object('rule', name, { match, actions: [{ handler: 'lines', instances: ['call'] }] }, namespace);
const parts = (): readonly string[] =>
  ['default', 'istio-system'].flatMap((namespace) => [
    object(
      'handler',
      'deny',
      { compiledAdapter: 'denier', params: { status: { code: 7, message: 'not out' } } },
      namespace,
    ),
    object('instance', 'nothing', { compiledTemplate: 'checknothing' }, namespace),
    object(
      'handler',
      'lines',
      {
        compiledAdapter: 'stdio',
        params: { logStream: 'FILE', outputPath: lines(), outputAsJson: true },
      },
      namespace,
    ),
    object(
      'instance',
      'call',
      {
        compiledTemplate: 'logentry',
        params: {
          severity: '"info"',
          timestamp: 'request.time',
          variables: {
            path: 'request.path',
            code: 'response.code',
            kind: 'context.reporter.kind',
            source: 'source.workload.name | "nobody"',
            service: 'destination.service.host | "?"',
            workload: 'destination.workload.name | "none"',
          },
        },
      },
      namespace,
    ),
  ]);

const told = (prefix: string): readonly Record<string, unknown>[] => {
  try {
    return readFileSync(lines(), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line): Record<string, unknown> => JSON.parse(line))
      .filter(({ path }) => String(path).startsWith(prefix));
  } catch {
    return [];
  }
};

const call = (host: string, path = '/', method = 'GET') =>
  fetchText({ url: `http://${host}${path}`, proxy: client, method });
const fromOutside = (host: string, path: string) =>
  fetchText({ url: `http://127.0.0.1:${edge.portOf('ingress', 80)}${path}`, headers: { host } });
const heardOf = (path: string): number => heard.filter((each) => each.path === path).length;

describe('an egress gateway', () => {
  it('[DP-20] [MX-1] refuses what a denier refuses: in the rule’s words, and nobody outside hears of it', async () => {
    await until('it gets there', async () => (await call('partner.example')).body === 'outside', 60_000);
    const rule = object('rule', 'no-writes', {
      match: 'destination.service.host == "partner.example" && request.method == "PUT"',
      actions: [{ handler: 'deny', instances: ['nothing'] }],
    });
    await apply(rule);
    const refused = await until('writes are refused', async () => {
      const answer = await call('partner.example', '/write', 'PUT');
      return answer.status === 403 && answer;
    });
    const before = heardOf('/write');
    expect(refused.body).toBe('PERMISSION_DENIED:deny.default:not out');
    expect((await call('partner.example', '/write', 'PUT')).status).toBe(403);
    expect(heardOf('/write')).toBe(before);
    const { name } = await edge.mesh.pod('egress');
    await until('Envoy says which rule', async () =>
      readFileSync(join(edge.mesh.state, 'logs', name, 'access.log'), 'utf8').includes(
        'rbac_access_denied_matched_policy[ns[default]-policy[rule/no-writes/0]-rule[0]]',
      ),
    );
    expect((await call('partner.example', '/read')).body).toBe('outside');
  });

  it('[MX-1] [DP-22] knows who calls through it: a list of callers, changed live', async () => {
    const callers = (overrides: readonly string[]): string =>
      object('handler', 'callers', { compiledAdapter: 'listchecker', params: { overrides } });
    await apply(
      documents(
        callers(['somebody-else']),
        object('instance', 'caller', {
          compiledTemplate: 'listentry',
          params: { value: 'source.labels["app"] | "nobody"' },
        }),
        object('rule', 'callers', {
          match: 'destination.service.host == "partner.example" && request.path.startsWith("/private")',
          actions: [{ handler: 'callers', instances: ['caller'] }],
        }),
      ),
    );
    const refused = await until('strangers are refused', async () => {
      const answer = await call('partner.example', '/private');
      return answer.body.includes('client is not whitelisted') && answer;
    });
    expect(refused.status).toBe(403);
    await apply(callers(['client']));
    await until('it is let out', async () => (await call('partner.example', '/private')).body === 'outside');
  });

  it('[DP-20] [MX-7] a quota of an outside service is taken once a request, and then 429', async () => {
    const answers = await drain('partner', call);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.headers).toMatchObject({ 'x-ratelimit-limit': '5', 'x-ratelimit-remaining': '0' });
  });

  it('[MX-2] a call is reported once, with who called and what outside was called', async () => {
    const match = 'request.path.startsWith("/told")';
    await apply(report('all', match, 'istio-system'));
    await until('reports come', async () => {
      await call('partner.example', '/told/first');
      return told('/told/first').length > 0;
    });
    await call('partner.example', '/told/last');
    await call('echo', '/told/inside');
    await until(
      'both are told',
      async () => told('/told/last').length > 0 && told('/told/inside').length > 0,
    );
    // A call that has been told of later says that nothing more of these two is to come.
    await call('partner.example', '/told/after');
    await until('a later one is told', async () => told('/told/after').length > 0);
    expect(told('/told/last')).toMatchObject([
      { kind: 'outbound', source: 'client', service: 'partner.example', workload: 'none', code: 200 },
    ]);
    expect(told('/told/inside')).toMatchObject([
      { kind: 'inbound', source: 'client', service: 'echo.default.svc.cluster.local', workload: 'echo-v1' },
    ]);
  });
});

/** So many requests to `/counted`. */
const quota = (name: string, amount: number): string => `apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPool
metadata: { name: ${name} }
spec:
  amount: ${amount}
  window: year
  requests:
    - match: destination.service.host == "${name}.example" && request.path.startsWith("/counted")
      charge: "1"
`;

/** All answers from when a quota of five is in force to its third refusal. */
async function drain(name: string, ask: (host: string, path: string) => ReturnType<typeof call>) {
  const host = `${name}.example`;
  await apply(quota(name, 0));
  await until('requests are counted', async () => (await ask(host, '/counted')).status === 429);
  await apply(quota(name, 5));
  const answers: Awaited<ReturnType<typeof call>>[] = [];
  await until('the quota is there, and empty', async () => {
    const answer = await ask(host, '/counted');
    if (answers.length > 0 || answer.status === 200) answers.push(answer);
    return answers.filter(({ status }) => status === 429).length >= 3;
  });
  return answers;
}

describe('a client’s own proxy', () => {
  const refusing = (host: string): string =>
    object('rule', 'no-direct', {
      match: `destination.service.host == "${host}" && request.path.startsWith("/private")`,
      actions: [{ handler: 'deny', instances: ['nothing'] }],
    });

  it.each([
    ['[DP-20] a service outside that is called without a gateway', 'direct.example'],
    ['[DP-20] a service of the mesh whose workloads have no proxy', 'bare.example'],
  ])('enforces what is about %s', async (_, host) => {
    await until('it gets there', async () => (await call(host)).body === 'outside');
    await apply(refusing(host));
    await until('it is refused', async () => (await call(host, '/private')).status === 403);
    const before = heardOf('/private');
    expect((await call(host, '/private')).body).toBe('PERMISSION_DENIED:deny.default:not out');
    expect(heardOf('/private')).toBe(before);
    expect((await call(host)).body).toBe('outside');
    await edge.mesh.xebec(['delete', 'rule', 'no-direct']);
    await until('it passes again', async () => (await call(host, '/private')).body === 'outside');
  });

  it('[MX-15] changes headers on the way out', async () => {
    await apply(
      object('rule', 'headers', {
        match: 'destination.service.host == "direct.example" && request.path == "/headers"',
        actions: [],
        requestHeaderOperations: [{ name: 'x-caller', values: ['source.workload.name | "nobody"'] }],
      }),
    );
    await until('the header is there', async () => {
      await call('direct.example', '/headers');
      return heard.findLast(({ path }) => path === '/headers')?.headers['x-caller'] === 'client';
    });
  });
});

describe('a gateway where calls come in', () => {
  it('[DP-20] enforces what names itself, and leaves everything else to who is called', async () => {
    await until('it gets in', async () => (await fromOutside('echo.example', '/')).status === 200);
    await apply(
      report(
        'at-edge',
        'destination.workload.name == "ingress" && request.path.startsWith("/edge")',
        'istio-system',
      ),
    );
    await apply(report('any', 'request.path.startsWith("/edge")', 'istio-system'));
    await apply(
      object(
        'rule',
        'edge',
        {
          match: 'destination.labels["istio"] == "ingress" && request.path == "/refused"',
          actions: [{ handler: 'deny', instances: ['nothing'] }],
        },
        'istio-system',
      ),
    );
    await until(
      'it is refused at the edge',
      async () => (await fromOutside('echo.example', '/refused')).status === 403,
    );
    expect((await call('echo', '/refused')).status).toBe(200);
    await until('the edge is told of', async () => {
      await fromOutside('echo.example', '/edge/first');
      return told('/edge/first').some(({ workload }) => workload === 'ingress');
    });
    await fromOutside('echo.example', '/edge/once');
    await until('all is told', async () => told('/edge/once').length >= 2);
    await fromOutside('echo.example', '/edge/after');
    await until('a later one is told', async () => told('/edge/after').length >= 2);
    expect(
      told('/edge/once')
        .map(({ workload, kind }) => [workload, kind])
        .sort(),
    ).toEqual([
      ['echo-v1', 'inbound'],
      ['ingress', 'inbound'],
    ]);
  });

  it('[DP-20] [MX-7] a quota of a service without a proxy behind it is taken there, once a request', async () => {
    await until('it gets there', async () => (await fromOutside('bare.example', '/')).body === 'outside');
    const answers = await drain('bare', fromOutside);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
  });

  it('[DP-20] [MX-7] a limit for all that comes in, taken at the door and not again behind it', async () => {
    await apply(`apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPool
metadata: { name: door, namespace: istio-system }
spec:
  amount: 3
  window: year
  requests:
    - match: destination.workload.name == "ingress" && request.path == "/limited"
      charge: "1"
`);
    const answers: number[] = [];
    await until('the door is shut', async () => {
      answers.push((await fromOutside('echo.example', '/limited')).status);
      return answers.filter((status) => status === 429).length >= 3;
    });
    expect((await call('echo', '/limited')).status).toBe(200);
    const { stdout } = await edge.mesh.xebec(['quota', 'usage', 'istio-system/door', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject([{ used: '3', limit: '3' }]);
  });
});
