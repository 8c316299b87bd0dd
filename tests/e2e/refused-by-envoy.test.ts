// An object that Envoy refuses although we accepted it: named with its place, kept apart, and mended; everything else goes on.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText, startLoad } from './support/http.ts';
import { at, listAt, type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-refused-'));
const virtualHost = 'type.googleapis.com/envoy.config.route.v3.VirtualHost';
const document = (name: string, text: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ${name}}\nspec:\n  hosts: [${name}.example.com]\n  http:\n  - directResponse: {status: 200, body: {string: ${text}}}\n`;

let mesh: Mesh;
let proxy: string;
beforeAll(async () => {
  // What "bad" and "worse" cause is spoilt on its way to Envoy as long as it says "poison".
  writeFileSync(join(directory, 'bad.yaml'), document('bad', 'fine'));
  const chosen = ['bad', 'worse'].map((name) => `VirtualService/default/${name}=poison`).join(',');
  mesh = await startMesh({
    paths: [repositoryFile('tests/e2e/apps/echo'), directory],
    environment: { XEBEC_TEST_CORRUPT: chosen },
  });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  expect((await mesh.apply(document('good', 'start'))).code).toBe(0);
  expect(await said('good')).toBe('start');
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const said = async (name: string): Promise<string> =>
  (await fetchText({ url: `http://${name}.example.com/`, proxy })).body;
const status = async (): Promise<unknown> =>
  listAt(await mesh.admin('/v1/proxies'), 'items').find((item) =>
    textAt(item, 'client')?.includes('~client-'),
  );
/** What the proxy refuses, and what it refused of objects of which an earlier value stands since. */
const refusedNames = async (): Promise<readonly string[]> => {
  const proxyStatus = await status();
  const refused = listAt(proxyStatus, 'types', virtualHost, 'rejection', 'resources').map((resource) =>
    textAt(resource, 'name'),
  );
  const held = listAt(proxyStatus, 'held').map((each) => textAt(each, 'resource'));
  return [...new Set([...refused, ...held].map((name) => name ?? ''))].sort();
};
const sentResponses = async (): Promise<number> => Number(at(await status(), 'sentResponses'));

describe('[MG-3] [DP-14] an object that Envoy refuses', () => {
  it('[F10] is named within five seconds: proxy, type, what Envoy says, object, file and line', async () => {
    const load = startLoad({ url: 'http://good.example.com/', proxy }, 50);
    writeFileSync(join(directory, 'bad.yaml'), `# A comment.\n${document('bad', 'poison')}`);
    await until('the file is in force', async () => (await mesh.xebec(['get', 'vs', 'bad'])).code === 0);
    void fetchText({ url: 'http://bad.example.com/', proxy }).catch(() => undefined);
    const told = await until(
      'proxy-status tells',
      async () => {
        const { code, stdout } = await mesh.xebec(['proxy-status']);
        return code === 0 && stdout.includes('refused by') && stdout;
      },
      5_000,
    );
    const client = (await mesh.pod('client')).name;
    expect(told).toContain(`refused by ${client}.default: VirtualHost: `);
    expect(told).toContain('VirtualHostValidationError.Name: value length must be at least 1 characters');
    expect(told).toContain(`caused by VirtualService/default/bad (${join(directory, 'bad.yaml')}:2:1)`);
    const { failures } = await load.stop();
    expect(failures).toEqual({});
  });

  it('does not keep the others from changing, and is not sent again and again', async () => {
    const before = await sentResponses();
    for (let i = 0; i < 10; i++) {
      const applied = await mesh.apply(document('good', `change-${i}`));
      expect([applied.code, applied.stderr]).toEqual([0, expect.not.stringContaining('refused')]);
      expect(await said('good')).toBe(`change-${i}`);
    }
    expect(await refusedNames()).toEqual(['http_proxy/bad.example.com:80']);
    expect((await sentResponses()) - before).toBeLessThanOrEqual(12);
  });

  it('makes --wait fail for the change that it is part of, while the rest of that change gets through', async () => {
    expect((await mesh.apply(document('worse', 'fine'))).code).toBe(0);
    expect(await said('worse')).toBe('fine');
    const applied = await mesh.apply(`${document('worse', 'poison')}---\n${document('good', 'beside')}`);
    expect(applied.code).toBe(1);
    // The proxy says it first, or the control plane that has judged what the proxy refused.
    expect(applied.stderr).toMatch(/\[(proxy-refused|refused-by-envoy)\]/);
    expect(applied.stdout).toMatch(/VirtualService\/default\/worse /);
    await until('the good half arrived', async () => (await said('good')) === 'beside');
    expect(await said('worse')).toBe('fine');
    expect(await refusedNames()).toEqual([
      'http_proxy/bad.example.com:80',
      'http_proxy/worse.example.com:80',
    ]);
  });

  it('recovers when it is mended, and when it is deleted', async () => {
    expect((await mesh.apply(document('worse', 'mended'))).code).toBe(0);
    expect(await said('worse')).toBe('mended');
    expect(await refusedNames()).toEqual(['http_proxy/bad.example.com:80']);
    writeFileSync(join(directory, 'bad.yaml'), document('bad', 'cured'));
    await until('the mended file is served', async () => (await said('bad')) === 'cured');
    writeFileSync(join(directory, 'bad.yaml'), document('bad', 'poison'));
    await until('it is refused again', async () => (await refusedNames()).length === 1);
    expect(await said('bad')).toBe('cured');
    rmSync(join(directory, 'bad.yaml'));
    await until('nothing is refused', async () => (await refusedNames()).length === 0);
    await until('the host is gone', async () => (await said('bad')) !== 'cured');
    const { stdout } = await mesh.xebec(['proxy-status']);
    expect(stdout).not.toMatch(/ERROR|refused/);
  });
});
