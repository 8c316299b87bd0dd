// An API behind real Envoys: operations and keys by HTTPAPISpec, plans for keys, and metering that is exactly what was served. A path that can be read in two ways gets past nothing.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { listAt, type Mesh, repositoryFile, startMesh, textAt, until, xebec } from './support/mesh.ts';
import { documents, handler, instance, policyObject, rule } from './support/policy-objects.ts';
import { policyMetrics } from './support/policy-page.ts';
import { requestText, sendRaw, statusesIn } from './support/raw-http.ts';

let mesh: Mesh;
let proxy: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  const applied = await mesh.apply(documents(...api(), ...policy(), ...plans));
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
  await until('keys are asked for', async () => (await call({})).status === 403, 60_000);
  await until('keys are taken', async () => (await call({ key: 'ready' })).status === 200, 60_000);
  await until(
    'requests are metered',
    async () => {
      await call({ key: 'ready' });
      return (await metered()).size > 0;
    },
    60_000,
  );
}, 300_000);
afterAll(async () => {
  await mesh?.stop();
});

const said = (name: string, value: string) => ({ attributes: { [name]: { stringValue: value } } });
const isApi = 'destination.labels["app"] == "echo" && request.path.startsWith("/api")';

const api = (): readonly string[] => [
  policyObject('HTTPAPISpec', 'pets', {
    attributes: {
      attributes: { 'api.service': { stringValue: 'pets.example' }, 'api.version': { stringValue: '2.1' } },
    },
    patterns: [
      { httpMethod: 'GET', uriTemplate: '/api/pets', attributes: said('api.operation', 'listPets') },
      { httpMethod: 'POST', uriTemplate: '/api/pets', attributes: said('api.operation', 'addPet') },
      { httpMethod: 'GET', uriTemplate: '/api/pets/{id}', attributes: said('api.operation', 'getPet') },
      { httpMethod: 'DELETE', regex: '/api/pets/[0-9]+', attributes: said('api.operation', 'deletePet') },
    ],
    apiKeys: [{ query: 'api_key' }, { header: 'x-key' }, { cookie: 'key' }],
  }),
  policyObject('HTTPAPISpecBinding', 'pets', {
    apiSpecs: [{ name: 'pets' }],
    services: [{ name: 'echo' }],
  }),
];

const names = { key: 'request.api_key | "none"', operation: 'api.operation | "none"' };

const policy = (): readonly string[] => [
  handler('keys', 'list', { overrides: ['ready', 'gold-1', 'gold-2', 'free-1', 'late', 'probe'] }),
  instance('key', 'apikey', {
    api: 'api.service | ""',
    api_version: 'api.version | ""',
    api_operation: 'api.operation | ""',
    api_key: 'request.api_key | ""',
    timestamp: 'request.time',
  }),
  rule('keys', isApi, { keys: ['key'] }),
  handler('no', 'denier', { status: { code: 7, message: 'Nobody deletes' } }),
  instance('nothing', 'checknothing'),
  rule('no-deleting', 'destination.labels["app"] == "echo" && (api.operation | "none") == "deletePet"', {
    no: ['nothing'],
  }),
  handler('page', 'prometheus', {
    metrics: [
      {
        name: 'api_calls',
        instanceName: 'calls',
        kind: 'COUNTER',
        labelNames: ['key', 'operation', 'version', 'code'],
      },
    ],
  }),
  instance('calls', 'metric', {
    value: '1',
    dimensions: { ...names, version: 'api.version | "none"', code: 'response.code | 0' },
  }),
  handler('lines', 'stdio', { logStream: 'FILE', outputPath: linesFile(), outputAsJson: true }),
  instance('entry', 'logentry', {
    severity: '"info"',
    timestamp: 'request.time',
    variables: { ...names, code: 'response.code | 0', service: 'api.service | "none"' },
  }),
  rule('metering', isApi, { page: ['calls'], lines: ['entry'] }),
];

const linesFile = (): string => join(mesh.state, 'api-calls.log');

const plan = (name: string, keys: readonly string[], amount: number): string => `
apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPlan
metadata: { name: ${name} }
spec:
  consumers: { apiKeys: [${keys.map((key) => `"${key}"`).join(', ')}] }
  limits: [{ pool: api-calls, amount: ${amount}, window: month }]
`;
const plans = [
  `
apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPool
metadata: { name: api-calls }
spec: { amount: 1000000, window: year, requests: [{ match: ${JSON.stringify(isApi)} }] }
`,
  plan('gold', ['gold-*'], 60),
  plan('free', ['free-*'], 10),
];

interface Call {
  readonly key?: string;
  readonly place?: 'query' | 'header' | 'cookie';
  readonly method?: string;
  readonly path?: string;
}

function call({ key, place = 'header', method = 'GET', path = '/api/pets' }: Call) {
  const headers: Record<string, string> = {};
  if (key !== undefined && place === 'header') headers['x-key'] = key;
  if (key !== undefined && place === 'cookie') headers['cookie'] = `theme=dark; key=${key}`;
  const query = key !== undefined && place === 'query' ? `?x=1&api_key=${key}` : '';
  return fetchText({ url: `http://echo${path}${query}`, proxy, method, headers });
}

/** What the page of metrics counts, by key, operation and status. */
async function metered(): Promise<ReadonlyMap<string, number>> {
  const samples = (await policyMetrics(mesh)).filter(({ name }) => name.endsWith('api_calls'));
  return new Map(
    samples.map(({ labels, value }) => [`${labels['key']} ${labels['operation']} ${labels['code']}`, value]),
  );
}

function tally(things: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const thing of things) counts.set(thing, (counts.get(thing) ?? 0) + 1);
  return counts;
}

const sorted = (counts: ReadonlyMap<string, number>) => [...counts].sort();
const of = (counts: ReadonlyMap<string, number>, keys: string) =>
  sorted(new Map([...counts].filter(([name]) => name.startsWith(keys))));

const served = async (): Promise<readonly { operation: string; key: string; url: string }[]> =>
  JSON.parse((await fetchText({ url: 'http://echo/served', proxy })).body);

/** What Envoy's own log says of the API, by method, path and status. */
async function logged(): Promise<ReadonlyMap<string, number>> {
  const pod = (await mesh.pod('echo')).name;
  const text = readFileSync(join(mesh.state, 'logs', pod, 'access.log'), 'utf8');
  return tally(
    [...text.matchAll(/"(\w+ \/api[^ ?"]*)[^ "]* HTTP[^"]*" (\d+)/g)].map(([, ...what]) => what.join(' ')),
  );
}

/** A generator of numbers that is the same in every run. */
function* dice(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

const burst = (seed: number, most: number): readonly Required<Call>[] => {
  const rolls = dice(seed);
  const pick = <T>(...of: readonly [T, ...T[]]): T => of[Math.floor(rolls.next().value * of.length)] ?? of[0];
  return Array.from({ length: most }, () => ({
    key: pick('gold-1', 'gold-2', 'free-1', 'stranger'),
    place: pick('query', 'header', 'cookie'),
    ...pick(
      { method: 'GET', path: '/api/pets' },
      { method: 'POST', path: '/api/pets' },
      { method: 'GET', path: '/api/pets/7' },
      { method: 'GET', path: '/api/pets/caf%C3%A9' },
      { method: 'GET', path: '/api/dogs' },
      { method: 'DELETE', path: '/api/pets/7' },
    ),
  }));
};

describe('[MX-12] an API', () => {
  it('is metered for each key and operation exactly as it was served, and each key has its plan', async () => {
    const calls = burst(20_261_122, 300);
    await fetchText({ url: 'http://echo/api/mark', proxy });
    await until('the log has all that came before', async () => (await logged()).has('GET /api/mark 403'));
    const before = await logged();
    const answers: [string, number][] = [];
    const expected: string[] = [];
    for (let at = 0; at < calls.length; at += 10) {
      const some = calls.slice(at, at + 10);
      const statuses = await Promise.all(some.map(async (one) => (await call(one)).status));
      some.forEach((one, index) => {
        answers.push([one.key, statuses[index] ?? 0]);
        expected.push(`${one.method} ${one.path} ${statuses[index]}`);
      });
    }
    const granted = tally(answers.map(([key, status]) => `${key} ${status}`));
    expect([granted.get('free-1 200'), granted.get('stranger 200')]).toEqual([10, undefined]);
    expect([granted.get('gold-1 200'), granted.get('gold-2 200')]).toEqual([
      Math.min(60, answers.filter(([key, status]) => key === 'gold-1' && status !== 403).length),
      Math.min(60, answers.filter(([key, status]) => key === 'gold-2' && status !== 403).length),
    ]);
    const isOfBurst = (key: string): boolean => /^(gold|free)-/.test(key);
    const own = tally(
      (await served())
        .filter(({ key }) => isOfBurst(key))
        .map(({ key, operation }) => `${key} ${operation} 200`),
    );
    await until('all is metered', async () => {
      const counts = [...(await metered())].filter(([name]) => /^(gold|free|stranger)/.test(name));
      return counts.reduce((sum, [, count]) => sum + count, 0) === calls.length;
    });
    const meteredNow = await metered();
    for (const keys of ['gold-1', 'gold-2', 'free-1']) {
      const onlyServed = of(meteredNow, keys).filter(([name]) => name.endsWith(' 200'));
      expect(onlyServed).toEqual(of(own, keys));
    }
    const told = readFileSync(linesFile(), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => Object(JSON.parse(line)))
      .filter(({ key }) => isOfBurst(String(key)) || key === 'stranger');
    const lines = tally(told.map(({ key, operation, code }) => `${key} ${operation} ${code}`));
    expect(sorted(lines)).toEqual(sorted(meteredNow).filter(([name]) => /^(gold|free|stranger)/.test(name)));
    const wanted = sorted(tally(expected));
    await until('the log of Envoy says the same', async () => {
      const now = await logged();
      return wanted.every(([what, count]) => (now.get(what) ?? 0) - (before.get(what) ?? 0) === count);
    });
  });

  it('refuses keys that nobody was given, and requests with two of them', async () => {
    for (const place of ['query', 'header', 'cookie'] as const) {
      const refused = await call({ key: 'stolen-key', place });
      expect([refused.status, refused.body.includes('stolen-key')]).toEqual([403, false]);
      expect((await call({ key: 'late', place })).status).toBe(200);
    }
    const two = await fetchText({
      url: 'http://echo/api/pets?api_key=late',
      proxy,
      headers: { 'x-key': 'probe' },
    });
    expect([two.status, two.body]).toEqual([403, expect.stringContaining('ambiguous')]);
    expect((await fetchText({ url: 'http://echo/api/pets?api_key=late&api_key=probe', proxy })).status).toBe(
      403,
    );
  });

  it('serves no operation that a rule forbids, however its path is written', async () => {
    const before = (await served()).length;
    const paths = [
      '/api/pets/7',
      '/api//pets/7',
      '/api/pets/7/',
      '/api/pets//7',
      '/api/p%65ts/7',
      '/api/PETS/7',
      '/api/pets%2F7',
      '/api/dogs/../pets/7',
      '/api/dogs/%2e%2e/pets/7',
      '/api/./pets/7',
      '/api/pets;v=1/7',
      '/api/pets/7?x=1',
      '//api/pets/7',
    ];
    for (const path of paths) {
      const text = requestText(
        `DELETE http://echo${path}`,
        'x-key: probe',
        'x-envoy-original-path: /api/dogs',
      );
      const [status] = statusesIn(await sendRaw({ to: proxy, text }));
      expect([path, status === 403 || status === 404 || status === 400]).toEqual([path, true]);
    }
    const more = (await served()).slice(before);
    expect(more.filter(({ operation }) => operation === 'deletePet')).toEqual([]);
  });

  it('is metered by the path that was served, not by what a header says', async () => {
    const text = requestText('GET http://echo/api/pets/8', 'x-key: late', 'x-envoy-original-path: /api/pets');
    const before = (await metered()).get('late getPet 200') ?? 0;
    expect(statusesIn(await sendRaw({ to: proxy, text }))).toEqual([200]);
    await until('it is metered', async () => (await metered()).get('late getPet 200') === before + 1);
  });

  it('shows who has used how much of which plan', async () => {
    const { stdout } = await xebec(['quota', 'usage', 'api-calls', '-o', 'json', '--state', mesh.state]);
    const counters = listAt(JSON.parse(stdout));
    const free = counters.filter((one) => textAt(one, 'quota')?.includes('/free#'));
    // By the fingerprint of the key `free-1`.
    const consumer = `apiKey:${createHash('sha256').update('free-1').digest('hex').slice(0, 16)}`;
    expect(
      free.map((one) => [textAt(one, 'dimensions', 'consumer'), textAt(one, 'used'), textAt(one, 'limit')]),
    ).toEqual([[consumer, '10', '10']]);
  });
});
