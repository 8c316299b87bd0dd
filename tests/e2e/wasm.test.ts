// Extensions on real Envoys: modules from files, web servers and registries, in their order, for their traffic, and what happens without them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { scrape, sum } from './support/metrics.ts';
import { type ModuleServer, startModuleServer } from './support/module-server.ts';
import { assembleFilter, type Module } from './support/wasm.ts';

let mesh: Mesh;
let server: ModuleServer;
let filter: Module;
let proxy: string;
const directory = mkdtempSync(join(tmpdir(), 'xb-modules-'));
const file = join(directory, 'filter.wasm');

beforeAll(async () => {
  filter = await assembleFilter();
  writeFileSync(file, filter.bytes);
  server = await startModuleServer();
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  server?.[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

const plugin = (name: string, spec: string): string =>
  `apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: ${name}}\nspec: {${spec}}\n---\n`;
const onEcho = 'selector: {matchLabels: {app: echo}}, match: [{mode: SERVER}]';
const ask = (path = '/'): Promise<Answer> => fetchText({ url: `http://echo${path}`, proxy });
const marks = ({ headers }: Answer): string => String(headers['x-wasm'] ?? '');

async function applied(yaml: string): Promise<void> {
  const run = await mesh.apply(yaml);
  expect(`${run.code} ${run.stderr}`).toMatch(/^0 /);
}
async function removed(...names: readonly string[]): Promise<void> {
  for (const name of names) await mesh.xebec(['delete', 'wasmplugin', name]);
  await until('nothing is marked', async () => marks(await ask()) === '');
}

describe('[DP-23] a WasmPlugin', () => {
  it('adds a header and counts, with a module from a file', async () => {
    await applied(plugin('one', `${onEcho}, url: "file://${file}", pluginConfig: {from: file}`));
    await until('it is there', async () => marks(await ask()) === '{"from":"file"}');
    const pod = await mesh.pod('echo');
    await until('it counts', async () => sum(await scrape(pod.ip), 'x_wasm_requests', {}) > 0);
    await removed('one');
  });
});
