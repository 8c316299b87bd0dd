// Every target and operation of EnvoyFilters on real Envoys, each by what it does to traffic.
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { ownAddress } from './support/stock-envoy.ts';

const edge = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [edge.example]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge}
spec: {hosts: [edge.example], gateways: [edge], http: [{name: all, route: [{destination: {host: echo}}]}]}
`;

interface Patch {
  readonly applyTo: string;
  readonly match?: object;
  readonly operation: string;
  readonly value?: object;
  readonly filterClass?: string;
}

const filters = new Map<string, number>();
/** An EnvoyFilter of the whole mesh; later ones are applied after earlier ones. */
function envoyFilter(name: string, patches: readonly Patch[]): string {
  filters.set(name, filters.get(name) ?? filters.size);
  return JSON.stringify({
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name, namespace: 'istio-system' },
    spec: {
      priority: filters.get(name),
      configPatches: patches.map(({ applyTo, match = {}, operation, value, filterClass }) => ({
        ...{ applyTo, match },
        patch: {
          operation,
          ...(value === undefined ? {} : { value }),
          ...(filterClass === undefined ? {} : { filterClass }),
        },
      })),
    },
  });
}

const typed = (type: string, fields: object = {}): object => ({
  '@type': `type.googleapis.com/${type}`,
  ...fields,
});
const says = (text: string): object => ({
  name: 'says',
  typed_config: typed('envoy.extensions.filters.network.direct_response.v3.Config', {
    response: { inline_string: text },
  }),
});
const lua = (name: string, code: string): object => ({
  name,
  typed_config: typed('envoy.extensions.filters.http.lua.v3.Lua', {
    default_source_code: { inline_string: code },
  }),
});
/** Adds its name to a response header, so that the order of filters shows. */
const trace = (name: string, word = name): object =>
  lua(name, `function envoy_on_response(handle) handle:headers():add("x-trace", "${word}") end`);
const gateway = { context: 'GATEWAY' };
const outbound = { context: 'SIDECAR_OUTBOUND' };
const manager = 'envoy.filters.network.http_connection_manager';
const inManager = (name?: string): object => ({
  listener: {
    filterChain: { filter: { name: manager, ...(name === undefined ? {} : { subFilter: { name } }) } },
  },
});
const header = (key: string, value = 'yes'): object => ({
  response_headers_to_add: [{ header: { key, value } }],
});

let mesh: Mesh;
let proxy: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  expect((await mesh.apply(edge)).code).toBe(0);
  await until('the edge answers', async () => (await outside()).status === 200);
}, 240_000);
afterAll(() => mesh?.stop());

const inside = (path = '/', host = 'echo') => fetchText({ url: `http://${host}${path}`, proxy });
const outside = (path = '/') =>
  fetchText({ url: `${mesh.ingress}${path}`, headers: { host: 'edge.example', connection: 'close' } });
const apply = async (name: string, patches: readonly Patch[]): Promise<void> => {
  const { code, stderr } = await mesh.apply(envoyFilter(name, patches));
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('error')]);
};
const remove = async (...names: readonly string[]): Promise<void> => {
  for (const name of names) await mesh.xebec(['delete', 'envoyfilter', name, '-n', 'istio-system']);
};

/** What a TCP server says by itself; empty when it closes, or says nothing for a while. */
function hear(port: number, host = '127.0.0.1', localAddress = '127.0.0.1'): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, localAddress });
    let heard = '';
    socket.on('data', (data) => {
      heard += data.toString();
    });
    socket.on('error', () => resolve('refused'));
    socket.on('close', () => resolve(heard));
    socket.setTimeout(1_000, () => socket.destroy());
  });
}
const edgePort = (): number => Number(new URL(mesh.ingress).port);

describe('[BY-8] [MG-8] targets of EnvoyFilters', () => {
  it('LISTENER: ADD, MERGE, REMOVE', async () => {
    const { ip } = await mesh.pod('client');
    const address = { socket_address: { address: ip, port_value: 18_999 } };
    const value = { name: 'own', address, filter_chains: [{ filters: [says('own listener')] }] };
    const selected = { ...outbound, proxy: { metadata: { NAMESPACE: 'default' } } };
    await apply('own-listener', [{ applyTo: 'LISTENER', match: selected, operation: 'ADD', value }]);
    await until('it listens', async () => (await hear(18_999, ip)) === 'own listener');
    await remove('own-listener');
    await until('it is gone', async () => (await hear(18_999, ip)) === 'refused');
    await apply('merged-listener', [
      {
        applyTo: 'LISTENER',
        match: gateway,
        operation: 'MERGE',
        value: { ignore_global_conn_limit: true, max_connections_to_accept_per_socket_event: 3 },
      },
    ]);
    expect((await outside()).status).toBe(200);
    await apply('merged-listener', [{ applyTo: 'LISTENER', match: gateway, operation: 'REMOVE' }]);
    await until('the edge is closed', async () => (await hear(edgePort())) === 'refused');
    await remove('merged-listener');
    await until('the edge is back', async () => (await hear(edgePort())) !== 'refused');
  });

  it('LISTENER_FILTER: a filter before the chain is chosen', async () => {
    const value = {
      name: 'few',
      typed_config: typed('envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit', {
        stat_prefix: 'few',
        token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: '3600s' },
      }),
    };
    await apply('few', [{ applyTo: 'LISTENER_FILTER', match: gateway, operation: 'INSERT_FIRST', value }]);
    await until('connections are refused', async () => (await outside().catch(() => 'none')) === 'none');
    await apply('fewer', [
      {
        applyTo: 'LISTENER_FILTER',
        match: { ...gateway, listener: { listenerFilter: 'few' } },
        operation: 'REMOVE',
      },
    ]);
    await until('they are taken', async () => (await outside().catch(() => undefined))?.status === 200);
    await remove('few', 'fewer');
  });

  it('FILTER_CHAIN: ADD, MERGE, REMOVE', async () => {
    const value = {
      name: 'chosen',
      filter_chain_match: { source_prefix_ranges: [{ address_prefix: '127.0.0.77', prefix_len: 32 }] },
      filters: [says('own chain')],
    };
    const heard = () => hear(edgePort(), '127.0.0.1', '127.0.0.77');
    await apply('chain', [{ applyTo: 'FILTER_CHAIN', match: gateway, operation: 'ADD', value }]);
    await until('the chain is chosen', async () => (await heard()) === 'own chain');
    expect((await outside()).status).toBe(200);
    const chosen = { ...gateway, listener: { filterChain: { name: 'chosen' } } };
    await apply('chain-merged', [
      {
        applyTo: 'FILTER_CHAIN',
        match: chosen,
        operation: 'MERGE',
        value: {
          filter_chain_match: { source_prefix_ranges: [{ address_prefix: '127.0.0.78', prefix_len: 32 }] },
        },
      },
    ]);
    await until(
      'two sources choose it',
      async () => (await hear(edgePort(), '127.0.0.1', '127.0.0.78')) === 'own chain',
    );
    await apply('chain-merged', [{ applyTo: 'FILTER_CHAIN', match: chosen, operation: 'REMOVE' }]);
    await until('it is gone', async () => (await heard()) === '');
    await remove('chain', 'chain-merged');
  });

  it('NETWORK_FILTER: INSERT_BEFORE, MERGE, REPLACE, REMOVE', async () => {
    const match = { ...gateway, ...inManager() };
    const rules = (action: string) => ({
      name: 'who',
      typed_config: typed('envoy.extensions.filters.network.rbac.v3.RBAC', {
        stat_prefix: 'who',
        rules: { action, policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } },
      }),
    });
    const status = async () => (await outside().catch(() => undefined))?.status;
    await apply('network', [
      { applyTo: 'NETWORK_FILTER', match, operation: 'INSERT_BEFORE', value: rules('DENY') },
    ]);
    await until('nobody is let in', async () => (await status()) === undefined);
    const who = { ...gateway, listener: { filterChain: { filter: { name: 'who' } } } };
    await apply('network-2', [
      { applyTo: 'NETWORK_FILTER', match: who, operation: 'REPLACE', value: rules('ALLOW') },
    ]);
    await until('everybody is let in', async () => (await status()) === 200);
    const named = typed('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
      server_name: 'patched-edge',
    });
    await apply('network-2', [
      { applyTo: 'NETWORK_FILTER', match: who, operation: 'REMOVE' },
      { applyTo: 'NETWORK_FILTER', match, operation: 'MERGE', value: { name: manager, typed_config: named } },
    ]);
    const server = async () => (await outside().catch(() => undefined))?.headers['server'];
    await until('the server has another name', async () => (await server()) === 'patched-edge');
    await apply('network-2', [
      { applyTo: 'NETWORK_FILTER', match: who, operation: 'REMOVE' },
      { applyTo: 'NETWORK_FILTER', match, operation: 'REPLACE', value: says('replaced') },
    ]);
    await until('it speaks', async () => (await hear(edgePort())) === 'replaced');
    await remove('network', 'network-2');
    await until('it serves', async () => (await status()) === 200);
  });

  it('HTTP_FILTER: every operation, in order', async () => {
    const at = (name?: string) => ({ ...gateway, ...inManager(name) });
    const http = (operation: string, more: Partial<Patch>): Patch => ({
      applyTo: 'HTTP_FILTER',
      match: at(),
      operation,
      ...more,
    });
    await apply('http', [
      http('INSERT_FIRST', { value: trace('c') }),
      http('INSERT_BEFORE', { match: at('c'), value: trace('b') }),
      http('INSERT_AFTER', { match: at('c'), value: trace('d') }),
      http('INSERT_FIRST', { value: trace('a') }),
      http('ADD', { value: trace('e') }),
      http('ADD', { value: trace('f'), filterClass: 'STATS' }),
      http('REPLACE', { match: at('b'), value: trace('b', 'B') }),
      http('REMOVE', { match: at('d') }),
      http('MERGE', { match: at('e'), value: trace('e', 'E') }),
    ]);
    // Responses pass the filters from the last to the first.
    await until('all are there', async () => (await outside()).headers['x-trace'] === 'f, E, c, B, a');
    await remove('http');
  });

  it('ROUTE_CONFIGURATION and VIRTUAL_HOST: MERGE, ADD, REPLACE, REMOVE, outbound, inbound and at the gateway', async () => {
    const host = {
      ...outbound,
      routeConfiguration: { vhost: { name: 'echo.default.svc.cluster.local:80' } },
    };
    const answer = (status: number) => ({ match: { prefix: '/' }, direct_response: { status } });
    await apply('tables', [
      {
        applyTo: 'ROUTE_CONFIGURATION',
        match: gateway,
        operation: 'MERGE',
        value: header('x-table-gateway'),
      },
      {
        applyTo: 'ROUTE_CONFIGURATION',
        match: outbound,
        operation: 'MERGE',
        value: header('x-table-outbound'),
      },
      {
        applyTo: 'ROUTE_CONFIGURATION',
        match: { context: 'SIDECAR_INBOUND' },
        operation: 'MERGE',
        value: header('x-table-inbound'),
      },
      { applyTo: 'VIRTUAL_HOST', match: host, operation: 'MERGE', value: header('x-host') },
      {
        applyTo: 'VIRTUAL_HOST',
        match: { ...outbound, routeConfiguration: { name: '80' } },
        operation: 'ADD',
        value: { name: 'own', domains: ['own.example'], routes: [answer(299)] },
      },
    ]);
    const seen = async () =>
      Object.keys((await inside()).headers)
        .filter((name) => name.startsWith('x-table') || name === 'x-host')
        .sort();
    await until(
      'all add theirs',
      async () => (await seen()).join() === 'x-host,x-table-inbound,x-table-outbound',
    );
    await until('so do those of the gateway', async () => {
      const { headers } = await outside();
      return headers['x-table-gateway'] === 'yes' && headers['x-table-inbound'] === 'yes';
    });
    await until('the added host answers', async () => (await inside('/', 'own.example')).status === 299);
    await apply('tables', [
      {
        applyTo: 'VIRTUAL_HOST',
        match: host,
        operation: 'REPLACE',
        value: { name: 'other', routes: [answer(298)] },
      },
    ]);
    await until('it is replaced', async () => (await inside()).status === 298);
    await apply('tables', [{ applyTo: 'VIRTUAL_HOST', match: host, operation: 'REMOVE' }]);
    await until('it is removed', async () => (await inside()).status === 404);
    await remove('tables');
    await until('it is back', async () => (await inside()).status === 200);
  });

  it('HTTP_ROUTE: every operation', async () => {
    const route = (name?: string) => ({
      ...gateway,
      routeConfiguration: { gateway: 'default/edge', vhost: { route: name === undefined ? {} : { name } } },
    });
    const answer = (path: string, status: number, name = `r${status}`): object => ({
      name,
      match: { path },
      direct_response: { status },
    });
    const routes = (operation: string, value?: object, name?: string): Patch => ({
      applyTo: 'HTTP_ROUTE',
      match: route(name),
      operation,
      ...(value === undefined ? {} : { value }),
    });
    await apply('routes', [
      routes('INSERT_FIRST', answer('/one', 291)),
      routes('INSERT_BEFORE', answer('/one', 292), 'r291'),
      routes('INSERT_AFTER', answer('/two', 293), 'r291'),
      routes('INSERT_BEFORE', answer('/three', 294), 'all'),
      routes('MERGE', { direct_response: { status: 295 } }, 'r294'),
      routes('ADD', answer('/never', 296)),
      routes('INSERT_FIRST', answer('/gone', 297)),
      routes('REMOVE', undefined, 'r297'),
      routes('MERGE', { route: { prefix_rewrite: '/patched/' } }, 'all'),
    ]);
    const status = async (path: string) => (await outside(path)).status;
    await until('the first one wins', async () => (await status('/one')) === 292);
    expect([
      await status('/two'),
      await status('/three'),
      await status('/never'),
      await status('/gone'),
    ]).toEqual([293, 295, 200, 200]);
    expect(JSON.parse((await outside('/x')).body).path).toBe('/patched/x');
    await remove('routes');
  });

  it('CLUSTER: ADD, MERGE, REMOVE; EXTENSION_CONFIG: ADD', async () => {
    const { ip } = await mesh.pod('echo');
    const endpoint = { address: { socket_address: { address: ip, port_value: 15_021 } } };
    const value = {
      name: 'own',
      connect_timeout: '1s',
      load_assignment: { cluster_name: 'own', endpoints: [{ lb_endpoints: [{ endpoint }] }] },
    };
    const first = (route: object): Patch => ({
      applyTo: 'HTTP_ROUTE',
      match: { ...gateway, routeConfiguration: { gateway: 'default/edge' } },
      operation: 'INSERT_FIRST',
      value: route,
    });
    const discovered = {
      config_source: { ads: {}, resource_api_version: 'V3' },
      type_urls: ['type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua'],
    };
    await apply('clusters', [
      { applyTo: 'CLUSTER', match: gateway, operation: 'ADD', value },
      first({ match: { path: '/healthz/ready' }, route: { cluster: 'own' } }),
      {
        applyTo: 'EXTENSION_CONFIG',
        match: gateway,
        operation: 'ADD',
        value: trace('shared-lua', 'discovered'),
      },
      {
        applyTo: 'HTTP_FILTER',
        match: gateway,
        operation: 'INSERT_FIRST',
        value: { name: 'shared-lua', config_discovery: discovered },
      },
      {
        applyTo: 'CLUSTER',
        match: { ...gateway, cluster: { service: 'echo.default.svc.cluster.local', portNumber: 80 } },
        operation: 'MERGE',
        value: { circuit_breakers: { thresholds: [{ max_requests: 0 }] } },
      },
    ]);
    await until('the own cluster answers', async () =>
      JSON.stringify(await outside('/healthz/ready')).includes('"status":200'),
    );
    expect((await outside('/healthz/ready')).headers['x-trace']).toBe('discovered');
    await apply('clusters', [
      {
        applyTo: 'CLUSTER',
        match: { ...gateway, cluster: { service: 'echo.default.svc.cluster.local', portNumber: 80 } },
        operation: 'REMOVE',
      },
    ]);
    await until('there is no cluster any more', async () => (await outside()).status === 503);
    await remove('clusters');
    await until('it is back', async () => (await outside()).status === 200);
  });

  it('BOOTSTRAP: MERGE, when a proxy starts; never what would keep it from that', async () => {
    const host = ownAddress();
    const address = { socket_address: { address: host, port_value: 18_998 } };
    const listener = { name: 'own', address, filter_chains: [{ filters: [says('own bootstrap')] }] };
    const match = { context: 'SIDECAR_OUTBOUND', proxy: { metadata: { WORKLOAD_NAME: 'client' } } };
    const bootstrap = (value: object): Patch => ({ applyTo: 'BOOTSTRAP', match, operation: 'MERGE', value });
    await apply('bootstrap', [bootstrap({ static_resources: { listeners: [listener] } })]);
    const bad = bootstrap({ static_resources: { clusters: [{ name: 'bad', connect_timeout: '-1s' }] } });
    const refused = await mesh.apply(envoyFilter('bad-bootstrap', [bad]));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/makes of Bootstrap: Invalid duration.*proxies start without it/s);
    const { code } = await mesh.xebec(['rollout', 'restart', 'deployment', 'client', '--wait=60s']);
    expect(code).toBe(0);
    await until('it listens', async () => (await hear(18_998, host)) === 'own bootstrap');
    const { stdout } = await mesh.xebec(['get', 'envoyfilter', '-A']);
    const states = stdout.split('\n').filter((line) => line.includes('bootstrap'));
    expect(states.map((line) => line.includes('refused by Envoy'))).toEqual([true, false]);
  });
});
