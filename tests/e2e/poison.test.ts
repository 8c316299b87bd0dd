// One bad object among a thousand: it alone stays behind, the others go on to change, and a proxy that starts afterwards works like the rest.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { at, listAt, type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';

const count = 1_000;
const bad = 500;
const numbers = Array.from({ length: count }, (_, number) => number);
const document = (number: number, text: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: p-${number}}\nspec:\n  hosts: [p-${number}.example.com]\n  http:\n  - directResponse: {status: 200, body: {string: ${text}}}\n`;
/** Every object says `TEXT-NUMBER`; the bad one what makes Envoy refuse it. */
const documents = (text: string, poison: string): string =>
  numbers.map((number) => document(number, number === bad ? poison : `${text}-${number}`)).join('---\n');
const lua = (name: string, code: string): string =>
  `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: ${name}, namespace: istio-system}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match: {context: SIDECAR_OUTBOUND}
    patch:
      operation: INSERT_FIRST
      value: {name: ${name}, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: {inline_string: '${code}'}}}
`;
const mark = (name: string): string =>
  lua(name, `function envoy_on_response(handle) handle:headers():add("x-${name}", "yes") end`);

let mesh: Mesh;
let proxy: string;
const find = async (): Promise<void> => {
  proxy = `${(await mesh.pod('client')).ip}:15001`;
};
beforeAll(async () => {
  // What p-500 causes is spoilt on its way to Envoy as long as it says "poison".
  const environment = { XEBEC_TEST_CORRUPT: `VirtualService/default/p-${bad}=poison` };
  const paths = [repositoryFile('tests/e2e/apps/echo')];
  mesh = await startMesh({ paths, environment, discovery: 'eager' });
  await find();
}, 240_000);
afterAll(() => mesh?.stop());

const said = async (number: number): Promise<string> =>
  (await fetchText({ url: `http://p-${number}.example.com/`, proxy })).body;

/** Numbers of objects whose host does not say what it should. */
async function wrong(text: string): Promise<readonly number[]> {
  const left = numbers.filter((number) => number !== bad);
  const found: number[] = [];
  const worker = async (): Promise<void> => {
    for (let number = left.pop(); number !== undefined; number = left.pop()) {
      if ((await said(number)) !== `${text}-${number}`) found.push(number);
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  return found.sort((left, right) => left - right);
}

const shown = async (): Promise<unknown> => {
  const { stdout } = await mesh.xebec(['get', 'virtualservice', `p-${bad}`, '-o', 'json']);
  return JSON.parse(stdout);
};
const restartClient = async (): Promise<void> => {
  const { code } = await mesh.xebec(['rollout', 'restart', 'deployment', 'client', '--wait=60s']);
  expect(code).toBe(0);
  await until('the new client is there', async () => {
    const pods = (await mesh.pods()).filter(({ name }) => name.startsWith('client'));
    return pods.length === 1 && pods[0]?.isReady === true;
  });
  await find();
};

describe('[BY-8] one bad object among a thousand', () => {
  it('is named, and its last good value stands, while the other 999 change', async () => {
    expect((await mesh.apply(documents('one', 'fine'))).code).toBe(0);
    expect(await wrong('one')).toEqual([]);
    expect(await said(bad)).toBe('fine');
    const applied = await mesh.apply(documents('two', 'poison'));
    expect(applied.code).toBe(1);
    const isHeld = async () => listAt(await shown(), 'status', 'xebec', 'problems').length > 0;
    await until('the object tells', isHeld, 15_000);
    expect(await wrong('two')).toEqual([]);
    expect(await said(bad)).toBe('fine');
    const object = await shown();
    const [problem] = listAt(object, 'status', 'xebec', 'problems');
    expect(at(problem, 'code')).toBe('refused-by-envoy');
    expect(textAt(problem, 'message')).toContain('VirtualHostValidationError.Name');
    expect(textAt(problem, 'message')).toContain('the value of revision');
    expect(at(problem, 'origin', 'object')).toBe(`VirtualService/default/p-${bad}`);
    expect(listAt(problem, 'proxies')).not.toEqual([]);
    const { programmed, targeted } = Object(at(object, 'status', 'xebec', 'proxies'));
    expect([targeted > 0, programmed]).toEqual([true, targeted]);
    const { stdout } = await mesh.xebec(['get', 'virtualservice']);
    const lines = stdout.split('\n').filter((line) => line.includes('refused by Envoy'));
    expect(lines.map((line) => line.split(' ', 1)[0])).toEqual([`p-${bad}`]);
  }, 120_000);

  it('does not hurt a proxy that starts afterwards, and the others go on to change there', async () => {
    await restartClient();
    expect(await wrong('two')).toEqual([]);
    expect(await said(bad)).toBe('fine');
    expect((await mesh.apply(document(1, 'three'))).code).toBe(0);
    expect(await said(1)).toBe('three');
    expect((await mesh.apply(document(1, 'two-1'))).code).toBe(0);
  }, 120_000);

  it('is the same with raw patches: a bad one is left out, for new proxies too, and others apply', async () => {
    expect((await mesh.apply(mark('good'))).code).toBe(0);
    const applied = await mesh.apply(`${lua('broken', 'function (')}---\n${mark('second')}`);
    expect(applied.code).toBe(1);
    expect(applied.stderr).toMatch(/<stdin>:\d+:\d+: error: .*script load error.*\[refused-by-envoy\]/s);
    const headers = async () => (await fetchText({ url: 'http://p-1.example.com/', proxy })).headers;
    await until('the good ones apply', async () => (await headers())['x-second'] === 'yes');
    expect((await headers())['x-good']).toBe('yes');
    await restartClient();
    expect(await headers()).toMatchObject({ 'x-good': 'yes', 'x-second': 'yes' });
    expect(await wrong('two')).toEqual([]);
  }, 120_000);

  it('recovers when it is mended', async () => {
    expect((await mesh.apply(`${document(bad, 'mended')}---\n${mark('broken')}`)).code).toBe(0);
    expect(await said(bad)).toBe('mended');
    expect(listAt(await shown(), 'status', 'xebec', 'problems')).toEqual([]);
    const headers = async () => (await fetchText({ url: 'http://p-1.example.com/', proxy })).headers;
    await until('the mended patch applies', async () => (await headers())['x-broken'] === 'yes');
    const status = await mesh.admin('/v1/status');
    expect([listAt(status, 'problems'), at(status, 'patchChecks')]).toEqual([[], 'on']);
  }, 60_000);
});
