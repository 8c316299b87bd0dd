// Where policy services are: written as they come, kept for a while when the last is gone.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPipeline } from '../pipeline.ts';
import { createPolicyEntry, type PolicyEntry } from './policy-entry.ts';

const { store } = createPipeline({ clock: Date.now });
let entry: PolicyEntry;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  entry = createPolicyEntry({
    store,
    rootNamespace: () => 'istio-system',
    clusterDomain: () => 'cluster.local',
    onProblem: (problem) => expect(problem).toBeUndefined(),
    lingerMs: 1_000,
  });
});
afterEach(() => {
  entry[Symbol.dispose]();
  vi.useRealTimers();
});

const placed = async (addresses: readonly string[]): Promise<void> => {
  entry.place(addresses);
  await Promise.resolve();
};
const wait = async (milliseconds: number): Promise<void> => {
  vi.advanceTimersByTime(milliseconds);
  await Promise.resolve();
};
const isThere = (): boolean => store.get('ServiceEntry/istio-system/xebec-policy') !== undefined;

test('a restart of the only policy service changes nothing for proxies', async () => {
  await placed(['127.0.0.1:15004']);
  expect(isThere()).toBe(true);
  await placed([]);
  await wait(900);
  expect(isThere()).toBe(true);
  await placed(['127.0.0.1:15004']);
  await wait(5_000);
  expect(isThere()).toBe(true);
});

test('one that stays away is gone after a while', async () => {
  await placed(['127.0.0.1:15004']);
  await placed([]);
  await wait(500);
  await placed([]);
  await wait(500);
  expect(isThere()).toBe(false);
});
