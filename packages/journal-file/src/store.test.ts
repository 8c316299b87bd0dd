// The store on a real journal: what it shows is what a restart finds, also when the disk was full in between.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rawObject } from '@xebec/config';
import { createGraph } from '@xebec/flow';
import { createStore, type Store } from '@xebec/store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Disk, systemDisk } from './disk.ts';
import { type FileJournal, openJournal } from './file-journal.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'journal-store-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open(disk: Disk = systemDisk): { store: Store; journal: FileJournal } {
  const opened = openJournal(directory, { disk });
  if (!opened.ok) throw new Error(JSON.stringify(opened.diagnostics));
  const { journal, recovered } = opened.value;
  const graph = createGraph();
  return { journal, store: createStore({ graph, journal, recovered, clock: () => 1, historyLimit: 5 }) };
}

const apply = (store: Store, name: string, port: number) =>
  store.apply({
    ...{ author: 'ann', owner: 'api', mode: 'all-or-nothing' },
    upserts: [
      rawObject(
        { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ name: 'http', port }] } },
        { file: 'a.yaml', line: 3 },
      ),
    ],
  });

const withoutEpoch = (store: Store) => store.history().map(({ epoch: _epoch, ...revision }) => revision);

test('a restart finds objects, history and places, before and after compaction', () => {
  let { store, journal } = open();
  for (let port = 1; port <= 17; port++) {
    expect(apply(store, `s${port % 3}`, port).ok).toBe(true);
    const before = { list: store.list(), history: withoutEpoch(store) };
    journal[Symbol.dispose]();
    ({ store, journal } = open());
    expect({ list: store.list(), history: withoutEpoch(store) }).toEqual(before);
  }
  expect(store.rollback(14, 'bob').ok).toBe(true);
  expect(store.latest).toBe(18);
  journal[Symbol.dispose]();
});

test('a full disk refuses a change and compaction, and everything goes on when there is room', () => {
  let isFull = false;
  const disk: Disk = {
    ...systemDisk,
    write: (file, bytes, position) => {
      if (isFull) throw Object.assign(new Error('ENOSPC: injected'), { code: 'ENOSPC' });
      return systemDisk.write(file, bytes, position);
    },
  };
  const { store, journal } = open(disk);
  expect(apply(store, 'a', 1).ok).toBe(true);
  isFull = true;
  const refused = apply(store, 'a', 2);
  expect(!refused.ok && refused.diagnostics.map(({ code }) => code)).toEqual(['disk-full']);
  expect([store.latest, store.source('Service').get('Service/default/a')?.spec.ports[0]?.port]).toEqual([
    1, 1,
  ]);
  isFull = false;
  expect(apply(store, 'a', 3).ok).toBe(true);
  journal[Symbol.dispose]();
  const again = open();
  expect(withoutEpoch(again.store)).toEqual(withoutEpoch(store));
  again.journal[Symbol.dispose]();
});
