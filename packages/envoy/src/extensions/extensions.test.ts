// Where filters of extensions stand in the chains of real listeners, among our own and those of EnvoyFilters, and what a change of them costs.
import { fromBinary } from '@bufbuild/protobuf';
import type { ProxyNode } from '@xebec/model';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { beforeEach, describe, expect, it } from 'vitest';
import { managerIn } from '../patches/manager-in.ts';
import { bytesOf, type ConfigMesh, createConfigMesh, resourcesOf } from '../testing/config-mesh.ts';
import { proxyOf } from '../testing/proxies.ts';

const explicit: ProxyNode = proxyOf({
  id: 'sidecar~127.0.9.1~a.default~default.svc.cluster.local',
  address: '127.0.9.1',
  applicationAddress: '127.0.8.1',
  capture: 'explicit',
  labels: { app: 'a' },
});
const others = [2, 3, 4].map((number) =>
  proxyOf({
    ...explicit,
    id: `sidecar~127.0.9.${number}~a-${number}.default~default.svc.cluster.local`,
    address: `127.0.9.${number}`,
  }),
);

const pod = `apiVersion: v1
kind: Pod
metadata: { name: a, labels: { app: a } }
spec:
  containers:
    - { name: a, image: a, ports: [{ containerPort: 8080, name: http }, { containerPort: 9000, name: tcp }, { containerPort: 53, name: udp, protocol: UDP }] }
status: { phase: Running, podIP: 127.0.9.1, conditions: [{ type: Ready, status: "True" }] }
---
apiVersion: v1
kind: Service
metadata: { name: a }
spec: { selector: { app: a }, ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tcp, port: 9000 }, { name: udp, port: 53, protocol: UDP }] }
`;
const extension = (name: string, spec: string): string =>
  `apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: ${name}}\nspec: {url: "file:///a.wasm", ${spec}}\n---\n`;
const authorized = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: some }
spec: { rules: [{ to: [{ operation: { methods: [GET] } }] }] }
---
`;

let mesh: ConfigMesh;
beforeEach(() => {
  mesh = createConfigMesh();
  mesh.connect(explicit);
  mesh.apply(pod);
});

const shortName = (name: string): string =>
  name.replace('extensions.istio.io/wasmplugin/default.', '*').replace(/^envoy\.filters\.\w+\./, '');

/** `LISTENER CHAIN: FILTER …` of the listeners that were changed; HTTP filters in brackets. */
function chains(part = ''): readonly string[] {
  return resourcesOf(mesh, 'listeners').flatMap(([key, resource]) => {
    if (!key.startsWith('patch:') || !key.includes(part)) return [];
    const { name, filterChains } = fromBinary(ListenerSchema, bytesOf(resource));
    return filterChains.map((chain) => {
      const filters = chain.filters.map((filter) => {
        const manager = managerIn(filter);
        return manager === undefined
          ? shortName(filter.name)
          : `[${manager.httpFilters.map((each) => shortName(each.name)).join(' ')}]`;
      });
      return `${name} ${chain.name}: ${filters.join(' ')}`.replace(/ +/g, ' ');
    });
  });
}

/** A port of HTTP also takes other connections, as they are. */
const requestChains = (part: string): readonly string[] =>
  chains(part).filter((chain) => chain.includes('['));

describe('filters of requests', () => {
  it('stand before those of authorization, or before what acts, and not in tunnels', () => {
    mesh.apply(
      authorized + extension('in', 'phase: AUTHN') + extension('may', 'phase: AUTHZ') + extension('end', ''),
    );
    const found = requestChains('127.0.9.1_8080');
    expect(found.length).toBeGreaterThan(1);
    for (const chain of found) expect(chain).toMatch(/\*in \*may rbac \*end (fault )?router\]$/);
    expect(chains('127.0.9.1_15001').join()).toMatch(/ \*in \*may \*end cors fault router\]$/);
    expect(chains('_53').join()).not.toContain('*');
    expect(chains('127.0.9.1_9000')).toEqual([]);
  });

  it('of some ports look at the port that a request names where all ports are one listener', () => {
    mesh.apply(extension('some', 'match: [{mode: CLIENT, ports: [{number: 80}]}]'));
    expect(chains()).toEqual([
      expect.stringMatching(/^127\.0\.9\.1_15001 : \[on_demand .*\*some:by-host cors fault router\]$/),
    ]);
    const [, byHost] = resourcesOf(mesh, 'extensions').filter(([key]) => key.includes(':by-host'))[0] ?? [];
    expect(bytesOf(byHost as never).toString()).toContain('.*:(80)|[^:]*|\\[.*\\]');
  });

  it('are known to EnvoyFilters by their name', () => {
    mesh.apply(
      `${extension('known', 'match: [{mode: SERVER}]')}apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: before }
spec:
  configPatches:
    - applyTo: HTTP_FILTER
      match: { context: SIDECAR_INBOUND, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: extensions.istio.io/wasmplugin/default.known } } } } }
      patch: { operation: INSERT_BEFORE, value: { name: mine, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua } } }
`,
    );
    const found = requestChains('127.0.9.1_8080');
    expect(found.length).toBeGreaterThan(1);
    for (const chain of found) expect(chain).toContain('mine *known');
  });
});

it('filters of connections stand before what ends the chain, whatever that is', () => {
  mesh.apply(extension('all', 'type: NETWORK, match: [{mode: SERVER}]'));
  for (const port of [8080, 9000]) {
    const found = chains(`127.0.9.1_${port}`);
    expect(found.length).toBeGreaterThan(0);
    for (const chain of found) expect(chain).toMatch(/\*all (\[|tcp_proxy)/);
  }
});

it('a filter that is told something else is one resource, whoever has it', () => {
  mesh.connect(...others);
  mesh.apply(extension('live', 'pluginConfig: {v: 1}'));
  const before = new Map(resourcesOf(mesh, 'listeners').map(([key, resource]) => [key, resource]));
  mesh.apply(extension('live', 'pluginConfig: {v: 2}'));
  expect(mesh.graph.errors()).toEqual([]);
  for (const [key, resource] of resourcesOf(mesh, 'listeners')) expect(resource).toBe(before.get(key));
  const sent = resourcesOf(mesh, 'extensions').map(([key, resource]) => [key, bytesOf(resource).toString()]);
  expect(sent).toEqual([
    ['extensions:default|extensions.istio.io/wasmplugin/default.live', expect.stringContaining('{"v":2}')],
  ]);
});

it('configurations are for proxies of the namespace only, those of the root namespace for all', () => {
  mesh.apply(
    extension('own', '') +
      extension('wide', '').replace('{name: wide}', '{name: wide, namespace: istio-system}'),
  );
  expect(resourcesOf(mesh, 'extensions').map(([key]) => key.slice(0, key.indexOf('|')))).toEqual([
    'extensions:*',
    'extensions:default',
  ]);
  const layers = mesh.views.get(explicit.id)?.layers ?? {};
  const type = Object.keys(layers).find((typeUrl) => typeUrl.endsWith('TypedExtensionConfig')) ?? '';
  expect(layers[type]).toEqual([
    { layer: 'extensions:default', members: 'needed' },
    { layer: 'extensions:*', members: 'needed' },
  ]);
});
