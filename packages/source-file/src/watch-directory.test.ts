// Files and the store after real edits: saves, renames, swaps, breakage, restarts. Waits for conditions, never for time.
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rawObject } from '@xebec/config';
import { createGraph } from '@xebec/flow';
import { type Diagnostic, fail, succeed } from '@xebec/std';
import { createMemoryJournal, createStore, type JournalContent, type Store } from '@xebec/store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DirectoryWatch, type WatchOptions, watchDirectory } from './watch-directory.ts';

let directory = '';
let watches: DirectoryWatch[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'source-file-'));
});
afterEach(async () => {
  await Promise.all(watches.map((watch) => watch.close()));
  watches = [];
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true, force: true });
});

const service = (name: string, port = 80): string =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\nspec:\n  ports:\n  - name: http\n    port: ${port}\n`;
const join3 = (...documents: readonly string[]): string => documents.join('---\n');
const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
const path = (name: string) => join(directory, name);

interface World {
  readonly store: Store;
  readonly journal: ReturnType<typeof createMemoryJournal>;
  readonly reports: (readonly Diagnostic[])[];
  readonly watch: DirectoryWatch;
}

function createWorld(recovered?: JournalContent, options: Partial<WatchOptions> = {}): World {
  const journal = createMemoryJournal(recovered);
  const graph = createGraph();
  const known = recovered === undefined ? {} : { recovered };
  const store = options.store ?? createStore({ graph, journal, clock: () => 1_000_000, ...known });
  const reports: (readonly Diagnostic[])[] = [];
  const watch = watchDirectory({
    ...{ paths: [directory], recursive: true, store, owner: 'file:test', debounceMs: 20 },
    onDiagnostics: (diagnostics) => reports.push(diagnostics),
    ...options,
  });
  watches.push(watch);
  return { store, journal, reports, watch };
}

async function start(recovered?: JournalContent, options: Partial<WatchOptions> = {}): Promise<World> {
  const world = createWorld(recovered, options);
  await world.watch.ready;
  return world;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ten seconds: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const ports = (store: Store): Record<string, number | undefined> =>
  Object.fromEntries(
    [...store.source('Service').entries()].map(([key, { spec }]) => [key.split('/')[2], spec.ports[0]?.port]),
  );
const reaches = (store: Store, expected: Record<string, number>) =>
  until(
    () => JSON.stringify(sorted(ports(store))) === JSON.stringify(sorted(expected)),
    JSON.stringify(expected),
  );
const sorted = (record: Record<string, unknown>) => Object.entries(record).sort();
const codes = (watch: DirectoryWatch) => watch.diagnostics().map(({ code }) => code);

test('the first load is one transaction over files of any depth and kind', async () => {
  mkdirSync(path('deep/er'), { recursive: true });
  write('a.yaml', join3(service('a'), '# nothing\n', service('b')));
  write(
    'deep/c.yml',
    `\uFEFF${service('c').replaceAll('\n', '\r\n')}---\r\n${service('d').replaceAll('\n', '\r\n')}`,
  );
  write(
    'deep/er/e.json',
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'e' },
      spec: { ports: [{ port: 80 }] },
    }),
  );
  for (const name of ['.hidden.yaml', 'a.yaml~', '.a.yaml.swp', '#a.yaml#', 'notes.txt'])
    write(name, service('ignored'));
  mkdirSync(path('.git'));
  write('.git/x.yaml', service('ignored'));
  write('local.yaml', 'apiVersion: local.xebec.io/v1alpha1\nkind: LocalImages\nimages: []\n');
  const { store, reports, watch } = await start();
  expect(ports(store)).toEqual({ a: 80, b: 80, c: 80, d: 80, e: 80 });
  expect(store.latest).toBe(1);
  expect(reports).toEqual([[]]);
  expect((await watch.ready).ok).toBe(true);
  expect(store.locate('Service/default/b', 'spec.ports[0].port')).toMatchObject({
    file: path('a.yaml'),
    line: 19,
  });
  expect(store.locate('Service/default/d', 'spec.ports[0].port')).toMatchObject({
    file: path('deep/c.yml'),
    line: 17,
  });
});

test('only the top level, or single files, when asked for', async () => {
  mkdirSync(path('deep'));
  write('a.yaml', service('a'));
  write('b.yaml', service('b'));
  write('deep/c.yaml', service('c'));
  const top = await start(undefined, { recursive: false });
  expect(ports(top.store)).toEqual({ a: 80, b: 80 });
  const single = await start(undefined, { paths: [path('b.yaml'), path('deep')] });
  expect(ports(single.store)).toEqual({ b: 80, c: 80 });
  write('b.yaml.new', service('b', 81));
  renameSync(path('b.yaml.new'), path('b.yaml'));
  await reaches(single.store, { b: 81, c: 80 });
  await reaches(top.store, { a: 80, b: 81 });
});

test('one save is one revision: set, changed and deleted together', async () => {
  write('a.yaml', join3(service('a'), service('b')));
  const { store } = await start();
  write('a.yaml', join3(service('b', 81), service('c')));
  await reaches(store, { b: 81, c: 80 });
  expect(store.latest).toBe(2);
  expect(
    store
      .revision(2)
      ?.changes.map(({ key, change }) => `${change} ${key}`)
      .sort(),
  ).toEqual(['configured Service/default/b', 'created Service/default/c', 'deleted Service/default/a']);
  expect(store.revision(2)).toMatchObject({ author: 'files', owner: 'file:test', message: path('a.yaml') });
});

test('files saved together are one revision, and moving an object between files is none', async () => {
  write('a.yaml', join3(service('a'), service('m')));
  write('b.yaml', service('b'));
  const { store } = await start();
  write('a.yaml', service('a', 81));
  write('b.yaml', join3(service('m'), service('b', 81)));
  await reaches(store, { a: 81, b: 81, m: 80 });
  expect(store.latest).toBe(2);
  expect(store.revision(2)?.changes).toHaveLength(2);
  await until(() => store.locate('Service/default/m')?.file === path('b.yaml'), 'm moves');
});

test('an atomic rename, a new directory, a removed directory', async () => {
  write('a.yaml', service('a'));
  const { store } = await start();
  write('.a.yaml.tmp', service('a', 81));
  renameSync(path('.a.yaml.tmp'), path('a.yaml'));
  await reaches(store, { a: 81 });
  write('.a.yaml.tmp', service('a', 82));
  renameSync(path('.a.yaml.tmp'), path('a.yaml'));
  await reaches(store, { a: 82 });
  mkdirSync(path('new/er'), { recursive: true });
  write('new/er/b.yaml', service('b'));
  await reaches(store, { a: 82, b: 80 });
  renameSync(path('new'), path('newer'));
  await until(() => store.locate('Service/default/b')?.file === path('newer/er/b.yaml'), 'b moves');
  rmSync(path('newer'), { recursive: true });
  await reaches(store, { a: 82 });
});

test('mounted ConfigMaps: the swap of ..data is one change', async () => {
  for (const [version, port] of [
    ['..1', 80],
    ['..2', 81],
  ] as const) {
    mkdirSync(path(version));
    write(`${version}/a.yaml`, service('a', port));
    write(`${version}/b.yaml`, service('b', port));
  }
  symlinkSync('..1', path('..data'));
  symlinkSync('..data/a.yaml', path('a.yaml'));
  symlinkSync('..data/b.yaml', path('b.yaml'));
  const { store } = await start();
  expect(ports(store)).toEqual({ a: 80, b: 80 });
  symlinkSync('..2', path('..data_tmp'));
  renameSync(path('..data_tmp'), path('..data'));
  await reaches(store, { a: 81, b: 81 });
  expect(store.latest).toBe(2);
});

test('broken YAML keeps the last good objects of the file, and says where', async () => {
  write('a.yaml', join3(service('a'), service('b')));
  const { store, watch } = await start();
  const text = readFileSync(path('a.yaml'), 'utf8');
  write('a.yaml', join3(service('a', 81), 'kind: [unclosed\n'));
  await reaches(store, { a: 81, b: 80 });
  await until(() => codes(watch).length > 0, 'a report');
  expect(watch.diagnostics()[0]).toMatchObject({ severity: 'error', origin: { file: path('a.yaml') } });
  writeFileSync(path('a.yaml'), text);
  truncateSync(path('a.yaml'), text.length - 20);
  await until(() => store.get('Service/default/a')?.resourceVersion === '3', 'the truncated file is read');
  expect(Object.keys(ports(store)).sort()).toEqual(['a', 'b']);
  write('a.yaml', service('a', 82));
  await reaches(store, { a: 82 });
  expect(watch.diagnostics()).toEqual([]);
});

test('an invalid object keeps its last good value, its neighbours go on', async () => {
  write('a.yaml', join3(service('a'), service('b')));
  const { store, watch } = await start();
  write(
    'a.yaml',
    join3(service('a', 99_999), service('b', 81), 'apiVersion: v1\nkind: Nonsense\nmetadata: {name: x}\n'),
  );
  await reaches(store, { a: 80, b: 81 });
  expect(watch.diagnostics().map(({ code, origin }) => [code, origin?.file, origin?.line])).toEqual([
    ['unknown-kind', path('a.yaml'), 20],
    [expect.any(String), path('a.yaml'), 8],
  ]);
  expect(store.status('Service/default/a')).toMatchObject({ accepted: false });
  write('a.yaml', join3(service('a'), service('b', 82)));
  await reaches(store, { a: 80, b: 82 });
  expect(watch.diagnostics()).toEqual([]);
  expect(store.verdicts()).toEqual([]);
});

test('one object in two files: the first counts, the report names both, and the second takes its place', async () => {
  write('a.yaml', service('a', 80));
  write('b.yaml', join3('# two\n', service('a', 81)));
  const { store, watch } = await start();
  expect(ports(store)).toEqual({ a: 80 });
  expect(watch.diagnostics()).toMatchObject([
    {
      code: 'duplicate-object',
      message: expect.stringContaining(path('a.yaml')),
      origin: { file: path('b.yaml'), line: 3 },
    },
  ]);
  write('0.yaml', service('a', 82));
  await until(() => watch.diagnostics().length === 2, 'a third declaration');
  expect(ports(store)).toEqual({ a: 80 });
  rmSync(path('a.yaml'));
  await reaches(store, { a: 81 });
  rmSync(path('b.yaml'));
  await reaches(store, { a: 82 });
  expect(watch.diagnostics()).toEqual([]);
});

test('after a restart: objects without a document go, objects changed through the API stay', async () => {
  write('a.yaml', join3(service('a'), service('b'), service('c')));
  write('gone.yaml', service('g'));
  const first = await start();
  const api = { author: 'ann', owner: 'api', mode: 'all-or-nothing' } as const;
  const changed = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'b' },
    spec: { ports: [{ port: 90 }] },
  };
  first.store.apply({ ...api, upserts: [rawObject(changed, {})], deletes: ['Service/default/c'] });
  const own = { ...changed, metadata: { name: 'own' } };
  first.store.apply({ ...api, upserts: [rawObject(own, {})] });
  await first.watch.close();

  rmSync(path('gone.yaml'));
  const second = await start(first.journal.content());
  expect(ports(second.store)).toEqual({ a: 80, b: 90, own: 90 });
  appendFileSync(path('a.yaml'), '# a comment\n');
  await second.watch.rescan();
  expect(ports(second.store)).toEqual({ a: 80, b: 90, own: 90 });
  write('a.yaml', join3(service('a'), service('b', 81), service('c', 81)));
  await reaches(second.store, { a: 80, b: 81, c: 81, own: 90 });
});

test('after a restart with a broken file its objects stay until it is whole again', async () => {
  write('a.yaml', join3(service('a'), service('b')));
  write('b.yaml', service('x'));
  const first = await start();
  await first.watch.close();
  write('a.yaml', join3(service('a', 81), ': : :\n  - ]'));
  rmSync(path('b.yaml'));
  const { store, watch } = await start(first.journal.content());
  expect(ports(store)).toEqual({ a: 81, b: 80 });
  write('a.yaml', service('a', 81));
  await reaches(store, { a: 81 });
  expect(watch.diagnostics()).toEqual([]);
});

test('a directory that vanishes keeps the last good state, reports, and is followed again when it is back', async () => {
  mkdirSync(path('d'));
  write('d/a.yaml', service('a'));
  const { store, watch } = await start(undefined, { paths: [path('d')] });
  renameSync(path('d'), path('e'));
  await until(() => codes(watch).includes('unreadable'), 'a report');
  expect(ports(store)).toEqual({ a: 80 });
  expect(watch.diagnostics()).toMatchObject([{ code: 'unreadable', origin: { file: path('d') } }]);
  renameSync(path('e'), path('d'));
  await until(() => codes(watch).length === 0, 'it is back');
  write('d/a.yaml', service('a', 81));
  await reaches(store, { a: 81 });
  expect(store.latest).toBe(2);
});

test('a directory that is not there at first is loaded when it comes, and nothing is deleted meanwhile', async () => {
  mkdirSync(path('d'));
  write('d/a.yaml', service('a'));
  const first = await start(undefined, { paths: [path('d')] });
  await first.watch.close();
  renameSync(path('d'), path('e'));
  const { store, watch } = await start(first.journal.content(), { paths: [path('d')] });
  expect(codes(watch)).toEqual(['unreadable']);
  expect(ports(store)).toEqual({ a: 80 });
  mkdirSync(path('d'));
  write('d/b.yaml', service('b'));
  await reaches(store, { b: 80 });
});

test('what cannot be read as text or at all is reported, the rest goes on', async () => {
  write('a.yaml', service('a'));
  writeFileSync(path('b.yaml'), Buffer.from([0x6b, 0x3a, 0x20, 0xff, 0xfe]));
  symlinkSync('nowhere.yaml', path('c.yaml'));
  symlinkSync('.', path('loop'));
  mkdirSync(path('d.yaml'));
  const { store, watch } = await start();
  expect(ports(store)).toEqual({ a: 80 });
  expect(watch.diagnostics()).toMatchObject([{ code: 'invalid-utf8', origin: { file: path('b.yaml') } }]);
});

test('a store that cannot take a change is asked again until it can', async () => {
  write('a.yaml', service('a'));
  let isFull = false;
  const memory = createMemoryJournal();
  const full: Diagnostic = { severity: 'error', code: 'disk-full', message: 'no space' };
  const journal = { ...memory, append: (revision: never) => (isFull ? fail(full) : memory.append(revision)) };
  const store = createStore({ graph: createGraph(), journal, clock: () => 1 });
  const { watch } = await start(undefined, { store });
  isFull = true;
  write('a.yaml', service('a', 81));
  await until(() => codes(watch).includes('disk-full'), 'a report');
  expect(ports(store)).toEqual({ a: 80 });
  isFull = false;
  await reaches(store, { a: 81 });
  expect(watch.diagnostics()).toEqual([]);
});

test('edits of one document of many cost that document', async () => {
  const names = Array.from({ length: 200 }, (_, index) => `s${index}`);
  write('a.yaml', join3(...names.map((name) => service(name))));
  const { store } = await start();
  const before = new Map(store.source('Service').entries());
  write('a.yaml', join3('# moved\n', ...names.map((name) => service(name, name === 's100' ? 81 : 80))));
  await until(() => ports(store)['s100'] === 81, 'the edit');
  const changed = [...store.source('Service').entries()].filter(([key, value]) => before.get(key) !== value);
  expect(changed.map(([key]) => key)).toEqual(['Service/default/s100']);
  await until(() => store.locate('Service/default/s0')?.line === 3, 'lines move');
  expect(store.revision(2)?.changes).toHaveLength(1);
});

test('of many quick saves the last one counts, in few revisions', async () => {
  write('a.yaml', service('a'));
  const { store } = await start();
  for (let port = 1; port <= 200; port++) {
    write('a.yaml', service('a', port));
    if (port % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await reaches(store, { a: 200 });
  expect(store.latest).toBeLessThan(20);
});

test('nothing is followed after closing', async () => {
  write('a.yaml', service('a'));
  const { store, watch } = await start();
  await watch.close();
  write('a.yaml', service('a', 81));
  await watch.rescan();
  expect(succeed(ports(store))).toEqual(succeed({ a: 80 }));
});
