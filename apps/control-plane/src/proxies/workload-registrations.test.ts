// Who joins a WorkloadGroup is a WorkloadEntry: with the group's words, its own address, and only as who it proved to be.
import { rawObject } from '@xebec/config';
import { createGraph } from '@xebec/flow';
import type { ProxyNode } from '@xebec/model';
import { createMemoryJournal, createStore, type Store } from '@xebec/store';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRegistrations, type WorkloadRegistrations } from './workload-registrations.ts';

let store: Store;
let registrations: WorkloadRegistrations;
let problems: string[];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  problems = [];
  store = createStore({ graph: createGraph(), journal: createMemoryJournal(), clock: () => 0 });
  registrations = createRegistrations({
    store,
    clock: () => 0,
    onProblem: ({ code, message }) => problems.push(`${code}: ${message}`),
  });
});
afterEach(() => {
  registrations[Symbol.dispose]();
  vi.useRealTimers();
});

const applyGroup = (spec: object): void => {
  const manifest = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadGroup',
    metadata: { name: 'vm', namespace: 'shop' },
    spec,
  };
  const upserts = [rawObject(manifest, {})];
  const applied = store.apply({ upserts, author: 'a', owner: 'api', mode: 'all-or-nothing' });
  if (!applied.ok) throw new Error(JSON.stringify(applied.diagnostics));
};

const node = (options: Partial<ProxyNode> = {}): ProxyNode => ({
  id: 'sidecar~127.16.0.9~vm-1.shop~shop.svc.cluster.local',
  role: 'sidecar',
  namespace: 'shop',
  name: 'vm-1',
  serviceAccount: 'ratings',
  address: '127.16.0.9',
  labels: {},
  capture: 'explicit',
  applicationAddress: '127.24.0.9',
  discovery: 'on-demand',
  workloadName: 'vm',
  network: '',
  gatewayPorts: {},
  workloadGroup: 'vm',
  ...options,
});

const place = { namespace: 'shop', group: 'vm', address: '127.16.0.9' };
const key = 'WorkloadEntry/shop/vm-127-16-0-9';
const entry = () => store.source('WorkloadEntry').get(key);
const ratings = {
  metadata: { labels: { app: 'ratings' }, annotations: { note: 'x' } },
  template: { serviceAccount: 'ratings', ports: { http: 9080 }, locality: 'europe/north', weight: 2 },
};

test('[DP-8] a workload is registered when it connects, with what its group says', () => {
  applyGroup(ratings);
  registrations.connected(node());
  expect(entry()).toMatchObject({
    metadata: {
      labels: { app: 'ratings' },
      annotations: { note: 'x', 'istio.io/autoRegistrationGroup': 'vm' },
    },
    spec: {
      address: '127.16.0.9',
      ports: { http: 9080 },
      serviceAccount: 'ratings',
      locality: { region: 'europe', zone: 'north' },
      weight: 2,
      labels: { app: 'ratings', 'security.istio.io/tlsMode': 'istio' },
    },
  });
  expect(store.get(key)?.manifest['metadata']).toMatchObject({
    ownerReferences: [{ kind: 'WorkloadGroup', name: 'vm' }],
  });
  expect(store.get(key)?.owner).toBe('runtime');
  expect(problems).toEqual([]);
});

test('[DP-8] it stays for a while after its connection is lost, and a return within that changes nothing', () => {
  applyGroup(ratings);
  registrations.connected(node());
  registrations.disconnected(node());
  vi.advanceTimersByTime(9_000);
  expect(entry()).toBeDefined();
  registrations.connected(node());
  vi.advanceTimersByTime(60_000);
  expect(entry()).toBeDefined();
  registrations.disconnected(node());
  vi.advanceTimersByTime(10_000);
  expect(entry()).toBeUndefined();
});

test('[DP-8] one that says that it goes is gone at once', () => {
  applyGroup(ratings);
  registrations.connected(node());
  registrations.leave(place);
  expect(entry()).toBeUndefined();
});

test('[DP-12] with a probe it is unhealthy until it is said to be healthy', () => {
  applyGroup({ ...ratings, probe: { tcpSocket: { port: 9080 } } });
  registrations.connected(node());
  expect(entry()?.spec.isUnhealthy).toBe(true);
  registrations.report(place, { isHealthy: true, message: '' });
  expect(entry()?.spec.isUnhealthy).toBeUndefined();
  registrations.report(place, { isHealthy: false, message: 'refused' });
  expect(entry()?.spec.isUnhealthy).toBe(true);
  expect(store.get(key)?.manifest['status']).toEqual({
    conditions: [{ type: 'Healthy', status: 'False', message: 'refused' }],
  });
});

test('[DP-12] a report that comes before the connection counts', () => {
  applyGroup({ ...ratings, probe: { tcpSocket: { port: 9080 } } });
  registrations.report(place, { isHealthy: true, message: '' });
  expect(entry()).toBeUndefined();
  registrations.connected(node());
  expect(entry()?.spec.isUnhealthy).toBeUndefined();
});

test('nobody joins with another identity than that of the group, or a group that does not exist', async () => {
  registrations.connected(node());
  expect(entry()).toBeUndefined();
  applyGroup(ratings);
  await Promise.resolve();
  expect(entry()).toBeDefined();
  applyGroup({ template: { serviceAccount: 'other' } });
  await Promise.resolve();
  expect(entry()).toBeUndefined();
  expect(problems).toEqual([
    'workload-not-registered: 127.16.0.9 is not registered in WorkloadGroup shop/vm: there is no such group',
    'workload-not-registered: 127.16.0.9 is not registered in WorkloadGroup shop/vm: it is ratings, and the group is for other',
  ]);
});

test("an entry that somebody wrote is not the registry's to change", () => {
  applyGroup(ratings);
  const manifest = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: { name: 'vm-127-16-0-9', namespace: 'shop' },
    spec: { address: '10.0.0.1' },
  };
  store.apply({ upserts: [rawObject(manifest, {})], author: 'a', owner: 'api', mode: 'all-or-nothing' });
  registrations.connected(node());
  registrations.leave(place);
  expect(entry()?.spec.address).toBe('10.0.0.1');
  expect(problems).toEqual([expect.stringContaining('owned-elsewhere')]);
});
