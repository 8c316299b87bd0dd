// An unusable value gives way to an earlier one in the graph, never in what was written.
import type { AnyObject } from '@xebec/config';
import { expect, test } from 'vitest';
import { createWorld, keyOfService, service, unwrap } from './testing/services.ts';

const portIn = (object: AnyObject | undefined) =>
  object?.kind === 'Service' ? object.spec.ports[0]?.port : undefined;

test('an earlier value is in force until the object is written again', () => {
  const { store, apply } = createWorld();
  const key = keyOfService('a');
  for (const port of [80, 81, 82]) unwrap(apply({ upserts: [service('a', port)] }));
  const inForce = () => portIn(store.source('Service').get(key));
  const [latest, first] = store.pastValues(key, 5);
  expect([latest?.resourceVersion, first?.resourceVersion]).toEqual(['2', '1']);
  expect(latest !== undefined && store.hold(key, latest)).toBe(true);
  expect(inForce()).toBe(81);
  expect(portIn(store.get(key)?.object)).toBe(82);
  unwrap(apply({ upserts: [service('a', 82)] }));
  expect(inForce()).toBe(81);
  store.release(key);
  expect(inForce()).toBe(82);
  store.hold(key, 'absent');
  expect([inForce(), portIn(store.get(key)?.object)]).toEqual([undefined, 82]);
  if (latest !== undefined) store.hold(key, latest);
  unwrap(apply({ upserts: [service('a', 83)] }));
  expect(inForce()).toBe(83);
  expect(store.pastValues(key, 1)).toMatchObject([{ resourceVersion: '3' }]);
});

test('what is not there cannot be held, and what was never changed has no past', () => {
  const { store, apply } = createWorld();
  unwrap(apply({ upserts: [service('a')] }));
  expect(store.pastValues(keyOfService('a'), 5)).toEqual([]);
  const object = store.get(keyOfService('a'))?.object;
  expect(object && store.hold(keyOfService('b'), { object, resourceVersion: '1' })).toBe(false);
});
