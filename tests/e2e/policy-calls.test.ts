// Rules that need the policy service: proxies call it about requests that may match, and tell it of calls that are over. The mesh starts it with the first rule.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';

const object = (kind: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'config.istio.io/v1alpha2', kind, metadata: { name }, spec });
const documents = (...objects: readonly string[]): string => objects.join('\n---\n');
const isEcho = 'destination.labels["app"] == "echo"';
const callers = (overrides: readonly string[]): string =>
  object('handler', 'callers', { compiledAdapter: 'listchecker', params: { overrides } });

let mesh: Mesh;
let proxy: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  const lines = join(mesh.state, 'calls.log');
  await apply(
    documents(
      callers(['client']),
      object('instance', 'caller', {
        compiledTemplate: 'listentry',
        params: { value: 'source.labels["app"] | "nobody"' },
      }),
      object('rule', 'callers', {
        match: `${isEcho} && request.path.startsWith("/private")`,
        actions: [{ handler: 'callers', instances: ['caller'] }],
      }),
      object('handler', 'lines', {
        compiledAdapter: 'stdio',
        params: { logStream: 'FILE', outputPath: lines, outputAsJson: true },
      }),
      object('instance', 'call', {
        compiledTemplate: 'logentry',
        params: {
          severity: '"info"',
          timestamp: 'request.time',
          variables: {
            path: 'request.path',
            method: 'request.method',
            code: 'response.code',
            source: 'source.labels["app"] | "nobody"',
            destination: 'destination.service.host | "?"',
            agent: 'request.headers["x-agent"] | "?"',
          },
        },
      }),
      object('rule', 'lines', {
        match: `${isEcho} && request.path.startsWith("/told")`,
        actions: [{ handler: 'lines', instances: ['call'] }],
      }),
    ),
  );
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

async function apply(yaml: string): Promise<void> {
  const { code, stderr } = await mesh.apply(yaml);
  expect([code, stderr]).toEqual([0, expect.anything()]);
}

const call = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
  const { status, body } = await fetchText({ url: `http://echo${path}`, proxy, headers });
  return { status, body };
};

describe('[MX-1] a list that only the policy service can judge', () => {
  it('lets in who is on it', async () => {
    await until('the service answers', async () => (await call('/private')).status === 200, 60_000);
    expect((await call('/other')).status).toBe(200);
  });

  it('refuses who is not, with the words of the list, and changes live', async () => {
    await apply(callers(['somebody-else']));
    await until('it is refused', async () => (await call('/private')).body.includes('callers.default'));
    expect((await call('/private')).status).toBe(403);
    expect((await call('/private')).body).toContain('client is not whitelisted');
    expect((await call('/other')).status).toBe(200);
    await apply(callers(['client']));
    await until('it is let in again', async () => (await call('/private')).status === 200);
  });
});

describe('[MX-1] a request that is too large for a rule', () => {
  it('does not get past it', async () => {
    await apply(
      documents(
        object('handler', 'refuse', { compiledAdapter: 'denier', params: { status: { code: 7 } } }),
        object('instance', 'nothing', { compiledTemplate: 'checknothing' }),
        object('rule', 'no-admins', {
          match: `${isEcho} && request.path.startsWith("/asked") && (request.query_params["admin"] | "no") == "yes"`,
          actions: [{ handler: 'refuse', instances: ['nothing'] }],
        }),
      ),
    );
    await until('it is refused', async () => (await call('/asked?admin=yes')).status === 403, 60_000);
    expect((await call('/asked?admin=no')).status).toBe(200);
    const many = Array.from({ length: 300 }, (_, index) => `p${index}=`).join('&');
    const refused = await call(`/asked?admin=yes&${many}`);
    expect([refused.status, refused.body]).toEqual([
      403,
      expect.stringContaining('request.query_params is too large'),
    ]);
  });
});

describe('[MX-15] a rule that answers in the place of the service', () => {
  const answering = (name: string, answer: object): string =>
    object('handler', name, {
      compiledAdapter: 'denier',
      params: {
        status: {
          code: 7,
          details: [{ '@type': 'type.googleapis.com/istio.policy.v1beta1.DirectHttpResponse', ...answer }],
        },
      },
    });
  const when = (name: string, match: string): string =>
    object('rule', name, {
      match: `${isEcho} && ${match}`,
      actions: [{ handler: name, instances: ['nothing'] }],
    });

  it('does so with its status, body and headers, whatever the rule depends on', async () => {
    await apply(
      documents(
        object('instance', 'nothing', { compiledTemplate: 'checknothing' }),
        answering('moved', { code: 302, headers: { location: 'https://new.example/' } }),
        when('moved', 'request.path.startsWith("/moved") && source.labels["app"] == "client"'),
        answering('kept', { code: 200, body: 'from the rule', headers: { 'x-from': 'rule' } }),
        when('kept', 'request.path.startsWith("/kept")'),
      ),
    );
    const answer = (path: string) => fetchText({ url: `http://echo${path}`, proxy });
    await until('it is sent elsewhere', async () => (await answer('/moved')).status === 302, 60_000);
    expect((await answer('/moved')).headers).toMatchObject({ location: 'https://new.example/' });
    const kept = await until('it is answered', async () => {
      const got = await answer('/kept');
      return got.headers['x-from'] === 'rule' && got;
    });
    expect([kept.status, kept.body]).toEqual([200, 'from the rule']);
    expect((await answer('/served')).status).toBe(200);
    expect((await answer('/served')).headers['x-from']).toBeUndefined();
  });
});

describe('[MX-15] what a rule does to headers', () => {
  it('the application gets the one that is added, not the one that is taken away', async () => {
    const rule = object('rule', 'headers', {
      match: `${isEcho} && request.path == "/headers"`,
      actions: [],
      requestHeaderOperations: [
        { name: 'x-caller', values: ['source.workload.name | "nobody"'] },
        { name: 'x-secret', operation: 'REMOVE' },
      ],
      responseHeaderOperations: [{ name: 'x-judged', values: ['"yes"'] }],
    });
    await apply(rule);
    const answer = await until('headers are changed', async () => {
      const got = await fetchText({ url: 'http://echo/headers', proxy, headers: { 'x-secret': 's' } });
      return got.headers['x-judged'] === 'yes' && got;
    });
    const { headers } = JSON.parse(answer.body);
    expect([headers['x-caller'], headers['x-secret']]).toEqual(['client', undefined]);
  });

  it('a header of the answer is taken away, one that comes after a removal stays, and hostile values come to nothing', async () => {
    const rule = object('rule', 'answers', {
      match: `${isEcho} && request.path.startsWith("/answers")`,
      actions: [],
      responseHeaderOperations: [
        { name: 'X-Powered-By', operation: 'REMOVE' },
        { name: 'x-twice', values: ['"first"'] },
        { name: 'x-twice', operation: 'REMOVE' },
        { name: 'x-twice', operation: 'APPEND', values: ['"second"'] },
        { name: 'x-split', values: ['request.query_params["v"] | "none"'] },
      ],
    });
    await apply(rule);
    const ask = (query: string) => fetchText({ url: `http://echo/answers${query}`, proxy });
    const changed = await until('headers are changed', async () => {
      const got = await ask('?v=plain');
      return got.headers['x-split'] === 'plain' && got;
    });
    expect(changed.status).toBe(200);
    expect(changed.headers).toMatchObject({ 'x-twice': 'second' });
    expect(changed.headers['x-powered-by']).toBeUndefined();
    const other = await fetchText({ url: 'http://echo/other', proxy });
    expect(other.headers['x-powered-by']).toBe('echo');
    // Line breaks, other control characters and nothing at all: no header, and nothing else happens.
    for (const hostile of ['a%0d%0ax-smuggled:%201', 'a%0ab', '%00', '%7f', '']) {
      const { status, headers } = await ask(`?v=${hostile}`);
      expect([status, headers['x-split'], headers['x-smuggled']]).toEqual([200, undefined, undefined]);
    }
  });
});

describe('[MX-2] [DP-22] reports', () => {
  const told = (): readonly Record<string, unknown>[] => {
    try {
      const text = readFileSync(join(mesh.state, 'calls.log'), 'utf8');
      return text
        .split('\n')
        .filter(Boolean)
        .map((line): Record<string, unknown> => JSON.parse(line));
    } catch {
      return [];
    }
  };

  it('reach the adapter once each, with the attributes of the call', async () => {
    await until('the service answers', async () => (await call('/private')).status === 200, 60_000);
    const paths = Array.from({ length: 20 }, (_, index) => `/told/${index}`);
    for (const path of paths) await call(path, { 'x-agent': 'robot' });
    await until('all are told', async () => told().length >= paths.length);
    const seen = told();
    expect(seen.map(({ path }) => path).sort()).toEqual([...paths].sort());
    expect(seen[0]).toMatchObject({
      method: 'GET',
      code: 200,
      source: 'client',
      destination: 'echo.default.svc.cluster.local',
      agent: 'robot',
      level: 'info',
    });
  });
});
