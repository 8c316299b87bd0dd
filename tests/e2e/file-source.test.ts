// Files as the source of a running mesh: one save is one transaction, seen by the next requests, and never half.
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText, startLoad } from './support/http.ts';
import { at, listAt, type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';

/** From a save to the first request that sees it; a machine that is busy elsewhere included. */
const boundMs = 3_000;

const directory = mkdtempSync(join(tmpdir(), 'xb-config-'));
const file = join(directory, 'routes.yaml');
const answering = (name: string, host: string, text: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ${name}}\nspec:\n  hosts: [${host}]\n  http:\n  - directResponse: {status: 200, body: {string: ${text}}}\n`;

let mesh: Mesh;
let proxy: string;
beforeAll(async () => {
  writeFileSync(file, answering('echo', 'echo', 'first'));
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo'), directory] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const said = async (url = 'http://echo/'): Promise<string> => (await fetchText({ url, proxy })).body;
const untilSaid = (text: string): Promise<true> =>
  until(`requests are answered ${text}`, async () => (await said()) === text, boundMs);
const revisions = async (): Promise<number> => listAt(await mesh.admin('/v1/history'), 'items').length;
const shown = async (name: string): Promise<unknown> =>
  JSON.parse((await mesh.xebec(['get', 'virtualservice', name, '-o', 'json'])).stdout);

describe('[MG-4] a directory of files', () => {
  it('is the configuration that the mesh starts with', async () => {
    expect(await said()).toBe('first');
    expect(at(await shown('echo'), 'origin')).toMatchObject({ file, line: 1 });
  });

  it('changes routing when a file is written in place, and when another takes its place', async () => {
    const before = await revisions();
    writeFileSync(file, answering('echo', 'echo', 'second'));
    await untilSaid('second');
    writeFileSync(`${file}.draft`, answering('echo', 'echo', 'third'));
    renameSync(`${file}.draft`, file);
    await untilSaid('third');
    expect(await revisions()).toBe(before + 2);
  });

  it('keeps the last good value of a broken save, says where it is broken, and goes on once it is not', async () => {
    const load = startLoad({ url: 'http://echo/', proxy }, 50);
    writeFileSync(file, answering('echo', 'echo', 'fourth').replace('directResponse', 'directAnswer'));
    const refused = await until(
      'the refusal',
      async () => {
        const object = await shown('echo');
        return at(object, 'status', 'xebec', 'accepted') === false && object;
      },
      boundMs,
    );
    const [problem] = listAt(refused, 'status', 'xebec', 'diagnostics');
    expect(at(problem, 'origin')).toMatchObject({ file, line: 7 });
    expect(textAt(problem, 'field')).toBe('spec.http[0].directAnswer');
    expect(textAt(problem, 'remedy')).toContain('directResponse');
    expect((await mesh.xebec(['get', 'virtualservice', 'echo'])).stdout).toContain(
      'refused (last good value stands)',
    );
    expect(await said()).toBe('third');
    writeFileSync(file, 'apiVersion: networking.istio.io/v1\nkind: VirtualService\n  metadata: [\n');
    await until(
      'the malformed file is told',
      async () =>
        readFileSync(join(mesh.state, 'logs', 'control-plane.log'), 'utf8').includes(`${file}:2:7: error: `),
      boundMs,
    );
    expect(await said()).toBe('third');
    writeFileSync(file, answering('echo', 'echo', 'fourth'));
    await untilSaid('fourth');
    expect(at(await shown('echo'), 'status', 'xebec', 'accepted')).toBe(true);
    const { sent, failures } = await load.stop();
    expect(sent).toBeGreaterThan(0);
    expect(failures).toEqual({});
  });

  it('takes all documents of a save at once, and deletes what a save leaves out', async () => {
    const before = await revisions();
    const another = join(directory, 'more.yaml');
    const two = ['one', 'two'].map((name) => answering(name, `${name}.example.com`, name));
    writeFileSync(another, two.join('---\n'));
    await until(
      'both hosts answer',
      async () =>
        (await said('http://one.example.com/')) + (await said('http://two.example.com/')) === 'onetwo',
      boundMs,
    );
    expect(await revisions()).toBe(before + 1);
    writeFileSync(another, two[0] ?? '');
    await until(
      'the second is gone',
      async () => (await mesh.xebec(['get', 'vs', 'two'])).code === 1,
      boundMs,
    );
    await until(
      'and answers no more',
      async () => (await said('http://two.example.com/')) !== 'two',
      boundMs,
    );
    expect(await said('http://one.example.com/')).toBe('one');
    rmSync(another);
    await until(
      'the first is gone',
      async () => (await mesh.xebec(['get', 'vs', 'one'])).code === 1,
      boundMs,
    );
  });
});
