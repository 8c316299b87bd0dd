// Objects over the API of a running mesh: created, changed, conflicting, rolled back, deleted, and what traffic makes of it.
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { at, listAt, type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';

const answering = (text: string, version?: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: echo\n${version === undefined ? '' : `  resourceVersion: "${version}"\n`}spec:\n  hosts: [echo]\n  http:\n  - directResponse: {status: 200, body: {string: ${text}}}\n`;

let mesh: Mesh;
let proxy: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const said = async (): Promise<string> => (await fetchText({ url: 'http://echo/', proxy })).body;
const read = async (): Promise<unknown> =>
  JSON.parse((await mesh.xebec(['get', 'vs', 'echo', '-o', 'json'])).stdout);
const latest = async (): Promise<number> =>
  Number(at(listAt(await mesh.admin('/v1/history'), 'items')[0], 'number'));

/** Events of a watch until told to stop. */
function watch(kind: string) {
  const events: unknown[] = [];
  const call = request(
    { socketPath: join(mesh.state, 'run/control.sock'), path: `/v1/watch?kind=${kind}` },
    (response) => {
      let rest = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        const lines = (rest + part).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) events.push(JSON.parse(line));
      });
      response.on('error', () => undefined);
    },
  );
  call.on('error', () => undefined).end();
  return { events, [Symbol.dispose]: () => void call.destroy() };
}

describe('[MG-1] objects over the API', () => {
  it('are created, read, changed and deleted, and every watcher sees it', async () => {
    using watched = watch('VirtualService');
    await until('the watch is in step', async () =>
      watched.events.some((event) => textAt(event, 'type') === 'synced'),
    );
    const start = watched.events.length;
    const created = await mesh.apply(answering('first'));
    expect([created.code, created.stdout]).toEqual([
      0,
      expect.stringContaining('virtualservice/echo created'),
    ]);
    expect(await said()).toBe('first');
    expect(at(await read(), 'metadata', 'generation')).toBe(1);
    expect((await mesh.apply(answering('second'))).stdout).toContain('virtualservice/echo configured');
    expect(await said()).toBe('second');
    expect(at(await read(), 'metadata', 'generation')).toBe(2);
    expect((await mesh.apply(answering('second'))).stdout).toContain('virtualservice/echo unchanged');
    const deleted = await mesh.xebec(['delete', 'vs', 'echo', '--wait']);
    expect(deleted.code).toBe(0);
    expect(await said()).toContain('"path":"/"');
    expect((await mesh.xebec(['get', 'vs', 'echo'])).code).toBe(1);
    expect((await mesh.xebec(['delete', 'vs', 'echo'])).code).toBe(1);
    await until('the events', async () => watched.events.length >= start + 3);
    expect(watched.events.slice(start).map((event) => textAt(event, 'type'))).toEqual([
      'set',
      'set',
      'delete',
    ]);
  });

  it('refuse a change that was made on an older version', async () => {
    expect((await mesh.apply(answering('first'))).code).toBe(0);
    const version = textAt(await read(), 'metadata', 'resourceVersion') ?? '';
    expect((await mesh.apply(answering('mine', version))).code).toBe(0);
    const late = await mesh.apply(answering('yours', version));
    expect(late.code).toBe(1);
    expect(late.stderr).toMatch(
      /VirtualService\/default\/echo was changed meanwhile.*read the object again.*\[conflict\]/,
    );
    expect(await said()).toBe('mine');
    const current = textAt(await read(), 'metadata', 'resourceVersion') ?? '';
    expect((await mesh.apply(answering('yours', current))).code).toBe(0);
    expect(await said()).toBe('yours');
  });

  it('show what a change would do, and do nothing', async () => {
    const before = await latest();
    const run = await mesh.xebec(['apply', '-f', '-', '--dry-run'], { input: answering('never') });
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(/^-.*yours/m);
    expect(run.stdout).toMatch(/^\+.*never/m);
    expect([await latest(), await said()]).toEqual([before, 'yours']);
  });

  it('come back with a rollback, which traffic follows, and the history keeps both', async () => {
    const good = await latest();
    expect((await mesh.apply(answering('regretted'))).code).toBe(0);
    expect(await said()).toBe('regretted');
    const back = await mesh.xebec(['rollback', String(good), '--wait']);
    expect(back.code, back.stderr).toBe(0);
    expect(await said()).toBe('yours');
    expect(await latest()).toBe(good + 2);
    const { stdout } = await mesh.xebec(['history', '--diff']);
    expect(stdout).toContain('regretted');
  });

  it('change together or not at all', async () => {
    const before = await latest();
    const run = await mesh.apply(
      `${answering('half')}---\n${answering('bad').replace('hosts: [echo]', 'hosts: 5')}`,
    );
    expect(run.code).toBe(1);
    expect([await latest(), await said()]).toEqual([before, 'yours']);
  });
});
