// Updates become configurations: whole, in order, the same values for what did not change, and kept on disk.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigurationUpdate, encodeItem } from '@xebec/policy';
import { afterAll, expect, test } from 'vitest';
import { createConfigurationReader } from './configuration.ts';
import { loadConfiguration, saveConfiguration } from './saved-configuration.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-configuration-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const item = (name: string, text = ''): string =>
  encodeItem(`handler/default/${name}`, {
    kind: 'handler',
    namespace: 'default',
    name,
    spec: { params: text },
  });

const update = (change: Partial<ConfigurationUpdate>): ConfigurationUpdate => ({
  ...{ revision: 1, isInitial: false, isComplete: true, rootNamespace: 'istio-system', set: [], removed: [] },
  ...change,
});

test('an update counts once it is complete; what did not change is the same value', () => {
  const read = createConfigurationReader();
  expect(read(update({ isInitial: true, isComplete: false, set: [item('a')] }))).toBeUndefined();
  const first = read(update({ set: [item('b')] }));
  expect([...(first?.objects.keys() ?? [])]).toEqual(['handler/default/a', 'handler/default/b']);
  const second = read(update({ revision: 2, set: [item('b', 'x')], removed: [] }));
  expect(second?.objects.get('handler/default/a')).toBe(first?.objects.get('handler/default/a'));
  expect(second?.objects.get('handler/default/b')).not.toBe(first?.objects.get('handler/default/b'));
  expect([second?.revision, second?.hasNewObjects]).toEqual([2, true]);
  const third = read(update({ removed: ['handler/default/a'] }));
  expect([...(third?.objects.keys() ?? [])]).toEqual(['handler/default/b']);
});

test('after a reconnect everything that came before is void, also half an update', () => {
  const read = createConfigurationReader();
  read(update({ isInitial: true, set: [item('a')] }));
  read(update({ isComplete: false, set: [item('half')] }));
  const again = read(update({ isInitial: true, set: [item('b')] }));
  expect([...(again?.objects.keys() ?? [])]).toEqual(['handler/default/b']);
});

test('it is the same after a restart; what cannot be read is none', () => {
  const file = join(directory, 'deep', 'configuration.json');
  expect(loadConfiguration(file)).toBeUndefined();
  const configuration = createConfigurationReader()(
    update({ isInitial: true, revision: 7, set: [item('a')] }),
  );
  if (configuration === undefined) throw new Error('it was complete');
  saveConfiguration(file, configuration);
  expect(loadConfiguration(file)).toMatchObject({ revision: 7, objects: configuration.objects });
  for (const text of ['', '{', '[]', '{"format": 2}', 'null']) {
    writeFileSync(file, text);
    expect(loadConfiguration(file)).toBeUndefined();
  }
});
