// A pool that requests of proxies take from: real Envoys ask for each, the limit holds for them and for programs together.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until, xebec } from './support/mesh.ts';

let mesh: Mesh;
let proxy: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const pool = (amount: number): string => `apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPool
metadata: { name: calls }
spec:
  amount: ${amount}
  window: year
  requests:
    - match: destination.labels["app"] == "echo" && request.path.startsWith("/counted")
      charge: "2"
`;

const call = (path: string) => fetchText({ url: `http://echo${path}`, proxy });

const quota = async (...args: readonly string[]) => {
  const { stdout } = await xebec(['quota', ...args, '-o', 'json', '--state', mesh.state]);
  return JSON.parse(stdout === '' ? '[]' : stdout);
};

it('[MX-7] [MX-10] [DP-20] requests take from the pool until it is empty, and are answered 429', async () => {
  expect(await mesh.apply(pool(0))).toMatchObject({ code: 0 });
  await until('requests are counted', async () => (await call('/counted')).status === 429, 60_000);
  expect((await call('/free')).status).toBe(200);
  await mesh.apply(pool(10));
  await until('there is something', async () => (await call('/counted')).status === 200);
  const answers = await Promise.all(Array.from({ length: 12 }, () => call('/counted')));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(8);
  expect(refused[0]?.headers).toMatchObject({ 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0' });
  expect(await quota('usage', 'default/calls')).toMatchObject([{ used: '10', limit: '10' }]);
  // What an operator gives back, requests get.
  await quota('release', 'calls', '2', '--attribute', 'destination.namespace=default');
  expect([(await call('/counted')).status, (await call('/counted')).status]).toEqual([200, 429]);
});

const filter = (name: string, settings: string): string => `
    - applyTo: HTTP_FILTER
      match:
        context: SIDECAR_INBOUND
        listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: envoy.filters.http.router } } } }
      patch:
        operation: INSERT_BEFORE
        value:
          name: envoy.filters.http.${name}
          typed_config: ${settings}`;
const rule =
  '{ selectors: [{ key: usage }, { key: total_tokens }], on_present: { metadata_namespace: xebec.tokens, key: total, type: NUMBER } }';
const tokens = `apiVersion: config.istio.io/v1alpha2
kind: attributemanifest
metadata: { name: tokens, namespace: istio-system }
spec: { attributes: { response.tokens: { valueType: INT64 } } }
---
apiVersion: policy.xebec.io/v1alpha1
kind: QuotaPool
metadata: { name: tokens }
spec:
  amount: 200
  window: year
  unit: tokens
  dimensions: { user: 'request.headers["x-user"] | "nobody"' }
  requests:
    - match: destination.labels["app"] == "echo" && request.path.startsWith("/model")
      charge: "100"
      settle: response.tokens | 100
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: tokens }
spec:
  workloadSelector: { labels: { app: echo } }
  configPatches:${filter('json_to_metadata', `{ "@type": type.googleapis.com/envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata, response_rules: { rules: [${rule}] } }`)}${filter('sse_to_metadata', `{ "@type": type.googleapis.com/envoy.extensions.filters.http.sse_to_metadata.v3.SseToMetadata, response_rules: { content_parser: { name: json, typed_config: { "@type": type.googleapis.com/envoy.extensions.content_parsers.json.v3.JsonContentParser, rules: [{ rule: ${rule} }] } } } }`)}
`;

it('[BY-11] tokens of a language model are charged as its answers say, whole or streamed, for each user', async () => {
  const applied = await mesh.apply(tokens);
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
  const ask = (path: string, user: string) =>
    fetchText({ url: `http://echo${path}`, proxy, headers: { 'x-user': user } });
  const used = async (user: string): Promise<string | undefined> => {
    const usages: readonly { dimensions: { user: string }; used: string }[] = await quota(
      'usage',
      'default/tokens',
    );
    return usages.find(({ dimensions }) => dimensions.user === user)?.used;
  };
  await until(
    'an answer is charged',
    async () => {
      await quota('reset', 'default/tokens');
      await ask('/model', 'warm');
      return (await used('warm')) !== undefined;
    },
    60_000,
  );
  await until(
    'it is charged as the answer says',
    async () => {
      await quota('reset', 'default/tokens');
      await ask('/model', 'warm');
      for (let i = 0; i < 20 && (await used('warm')) !== '42'; i++)
        await new Promise((resolve) => setTimeout(resolve, 100));
      return (await used('warm')) === '42';
    },
    60_000,
  );
  for (const [path, user] of [
    ['/model', 'ann'],
    ['/model/stream', 'bob'],
  ] as const) {
    for (const expected of ['42', '84', '126']) {
      expect((await ask(path, user)).status).toBe(200);
      await until(`${user} has used ${expected}`, async () => (await used(user)) === expected);
    }
    // A hundred must be left to begin with: 74 are.
    expect((await ask(path, user)).status).toBe(429);
  }
});
