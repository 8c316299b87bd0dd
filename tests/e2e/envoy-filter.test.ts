// EnvoyFilters on real Envoys: filters inbound, outbound and at the gateway, merged clusters, routes of hosts that arrive on demand.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { envoyAdmin } from './support/envoy-admin.ts';
import { fetchText, startLoad } from './support/http.ts';
import { at, listAt, type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';

const lua = (name: string, code: string): string =>
  `{name: ${name}, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: {inline_string: '${code}'}}}`;
const mark = (header: string): string =>
  lua(header, `function envoy_on_response(handle) handle:headers():add("${header}", "yes") end`);
const filter = (name: string, patches: string, more = ''): string =>
  `apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: ${name}, namespace: istio-system}\nspec:\n${more}  configPatches:\n${patches}`;
const httpFilter = (context: string, value: string): string =>
  `  - applyTo: HTTP_FILTER\n    match: {context: ${context}}\n    patch: {operation: INSERT_FIRST, value: ${value}}\n`;
const edge = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge}
spec: {hosts: ["*"], gateways: [edge], http: [{route: [{destination: {host: echo}}]}]}
`;

let mesh: Mesh;
let proxy: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  expect((await mesh.apply(edge)).code).toBe(0);
}, 240_000);
afterAll(() => mesh?.stop());

const inside = async (path = '/', host = 'echo') => fetchText({ url: `http://${host}${path}`, proxy });
/** What proxies have refused. */
const refusals = async (): Promise<readonly unknown[]> =>
  listAt(await mesh.admin('/v1/proxies'), 'items').flatMap((item) => {
    const types = at(item, 'types');
    return Object.values(typeof types === 'object' && types !== null ? types : {}).filter(
      (type) => at(type, 'rejection') !== undefined,
    );
  });
const envoyText = async (of: Mesh, pod: string, path: string): Promise<string> =>
  envoyAdmin(of, (await of.pod(pod)).name, path);
const seen = ({ headers }: { readonly headers: Readonly<Record<string, unknown>> }): string[] =>
  ['x-inbound', 'x-outbound', 'x-gateway'].filter((name) => headers[name] === 'yes');

describe('[BY-8] [MG-8] an EnvoyFilter', () => {
  it('adds filters inbound, outbound and at the gateway, each where it says', async () => {
    const both =
      httpFilter('SIDECAR_INBOUND', mark('x-inbound')) + httpFilter('SIDECAR_OUTBOUND', mark('x-outbound'));
    const applied = await mesh.apply(filter('marks', both + httpFilter('GATEWAY', mark('x-gateway'))));
    expect(applied.code).toBe(0);
    await until('all are in force', async () => seen(await inside()).length === 2);
    expect(seen(await inside())).toEqual(['x-inbound', 'x-outbound']);
    await until('the gateway has its own', async () =>
      seen(await fetchText({ url: `${mesh.ingress}/` })).includes('x-gateway'),
    );
    expect(seen(await fetchText({ url: `${mesh.ingress}/` }))).toEqual(['x-inbound', 'x-gateway']);
  });

  it('says which patch matched nothing, and what there is instead', async () => {
    const wrong = `  - applyTo: HTTP_FILTER
    match: {context: SIDECAR_INBOUND, listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager, subFilter: {name: istio.stats}}}}}
    patch: {operation: INSERT_BEFORE, value: ${mark('x-never')}}
`;
    const applied = await mesh.apply(filter('wrong', wrong));
    expect(applied.code).toBe(1);
    expect(applied.stderr).toMatch(
      /matched 0 places on the \d+ proxies it selects: no HTTP filter fits; there are/,
    );
    expect(applied.stderr).toContain('[matches-nothing]');
    const { stdout } = await mesh.xebec(['get', 'envoyfilter', '-A']);
    expect(stdout.split('\n').find((line) => line.includes('wrong'))).toContain('matched 0 places');
    expect(listAt(await mesh.admin('/v1/status'), 'problems')).toHaveLength(1);
    await mesh.xebec(['delete', 'envoyfilter', 'wrong', '-n', 'istio-system']);
  });

  it('[MG-2] that Envoy would refuse never leaves, while the traffic goes on', async () => {
    const load = startLoad({ url: 'http://echo/', proxy }, 50);
    const bad = httpFilter('SIDECAR_OUTBOUND', lua('bad', 'function ('));
    const applied = await mesh.apply(filter('bad', bad));
    expect(applied.code).toBe(1);
    expect(applied.stderr).toContain('[refused-by-envoy]');
    expect(applied.stderr).toContain('script load error');
    const { stdout } = await mesh.xebec(['get', 'envoyfilter', '-A']);
    expect(stdout.split('\n').find((line) => line.includes('bad'))).toContain('refused by Envoy');
    expect(seen(await inside())).toEqual(['x-inbound', 'x-outbound']);
    expect(await refusals()).toEqual([]);
    const good = httpFilter('SIDECAR_OUTBOUND', mark('x-more'));
    expect((await mesh.apply(filter('bad', good))).code).toBe(0);
    await until('the mended one is in force', async () => (await inside()).headers['x-more'] === 'yes');
    expect((await mesh.apply(filter('bad', bad))).code).toBe(1);
    expect((await inside()).headers['x-more']).toBe('yes');
    await mesh.xebec(['delete', 'envoyfilter', 'bad', '-n', 'istio-system']);
    await until('it is gone', async () => (await inside()).headers['x-more'] === undefined);
    expect((await load.stop()).failures).toEqual({});
  });

  it('merges into clusters and adds hosts and routes, also where these arrive on demand', async () => {
    const patches = `  - applyTo: CLUSTER
    match: {context: SIDECAR_OUTBOUND, cluster: {service: echo.default.svc.cluster.local, portNumber: 80}}
    patch: {operation: MERGE, value: {alt_stat_name: patched_echo}}
  - applyTo: VIRTUAL_HOST
    match: {context: SIDECAR_OUTBOUND, routeConfiguration: {name: http_proxy}}
    patch: {operation: ADD, value: {name: added, domains: [added.example], routes: [{match: {prefix: /}, direct_response: {status: 299, body: {inline_string: added}}}]}}
  - applyTo: HTTP_ROUTE
    match: {context: SIDECAR_OUTBOUND, routeConfiguration: {vhost: {name: 'echo.default.svc.cluster.local:80'}}}
    patch: {operation: INSERT_FIRST, value: {match: {path: /own}, direct_response: {status: 298}}}
`;
    expect((await mesh.apply(filter('routes', patches))).code).toBe(0);
    await until('the host answers', async () => (await inside('/', 'added.example')).body === 'added');
    await until('the route answers', async () => (await inside('/own')).status === 298);
    expect((await inside('/')).status).toBe(200);
    const clusters = await envoyText(mesh, 'client', '/clusters');
    expect(clusters).toContain('outbound|80||echo.default.svc.cluster.local::');
    const stats = await envoyText(mesh, 'client', '/stats?filter=patched_echo');
    expect(stats).toContain('cluster.patched_echo');
    await mesh.xebec(['delete', 'envoyfilter', 'routes', '-n', 'istio-system']);
    await until('the route is gone', async () => (await inside('/own')).status === 200);
  });
});
