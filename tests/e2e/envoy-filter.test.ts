// EnvoyFilters on real Envoys: filters inbound, outbound and at the gateway, merged clusters, routes of hosts that arrive on demand.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';

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
});
