// Budgets: how many transforms a change may run in a mesh of 1,000 services, whatever the size of the mesh.
import type { ObjectOf } from '@xebec/config';
import { beforeAll, expect, test } from 'vitest';
import { createMesh, type MeshFixture } from './testing/mesh-fixture.ts';
import {
  authorizationPolicy,
  destinationRule,
  forward,
  inlineEndpoint,
  peerAuthentication,
  pod,
  proxy,
  service,
  serviceEntry,
  virtualService,
} from './testing/objects.ts';

const serviceCount = 1_000;
const endpointsPerService = 5;
const meshed = { 'security.istio.io/tlsMode': 'istio' };

const hostOf = (number: number): string => `svc-${number}.ns-${number % 10}.svc.cluster.local`;

function entry(
  number: number,
  firstAddress = `10.${number >> 8}.${number & 255}.1`,
): ObjectOf<'ServiceEntry'> {
  const addresses = Array.from({ length: endpointsPerService }, (_, position) =>
    position === 0 ? firstAddress : `10.${number >> 8}.${number & 255}.${position + 1}`,
  );
  return serviceEntry(`ns-${number % 10}/svc-${number}`, {
    hosts: [hostOf(number)],
    addresses: [`240.0.${number >> 8}.${number & 255}`],
    endpoints: addresses.map((address) =>
      inlineEndpoint(address, { labels: meshed, serviceAccount: `sa-${number}` }),
    ),
  });
}

const route = (number: number, weights: readonly string[]): ObjectOf<'VirtualService'> =>
  virtualService(`ns-${number % 10}/svc-${number}`, {
    hosts: [hostOf(number)],
    http: [forward(weights.map((subset) => `${hostOf(number)}/${subset}`))],
  });

let fixture: MeshFixture;
const total = (runs: Readonly<Record<string, number>>): number =>
  Object.values(runs).reduce((sum, each) => sum + each, 0);

beforeAll(() => {
  fixture = createMesh();
  const numbers = Array.from({ length: serviceCount }, (_, number) => number);
  fixture.put(
    ...numbers.map((number) => entry(number)),
    ...numbers.filter((number) => number % 10 === 0).map((number) => route(number, ['v1', 'v2'])),
    ...numbers
      .filter((number) => number % 10 === 0)
      .map((number) =>
        destinationRule(`ns-0/svc-${number}`, {
          host: hostOf(number),
          subsets: [
            { name: 'v1', labels: {} },
            { name: 'v2', labels: {} },
          ],
        }),
      ),
    service('ns-1/app'),
    ...Array.from({ length: endpointsPerService }, (_, at) =>
      pod(`ns-1/app-${at}`, { app: 'app' }, { ip: `127.0.1.${at + 1}` }),
    ),
  );
  fixture.connect(
    ...Array.from({ length: 100 }, (_, at) =>
      proxy(`ns-${at % 10}/client-${at}`, {
        id: `proxy-${at}`,
        address: `127.1.0.${at}`,
        labels: { app: 'client' },
      }),
    ),
  );
});

test('a changed endpoint changes one endpoint set and neither destination nor route', () => {
  const changed = new Map<string, number>();
  const watch = (name: 'endpointSets' | 'destinations' | 'routeTables' | 'services') =>
    fixture.graph.watch<string, unknown>(fixture.mesh[name], ({ changes }) =>
      changed.set(name, changes.size),
    );
  using _endpoints = watch('endpointSets');
  using _destinations = watch('destinations');
  using _routes = watch('routeTables');
  using _services = watch('services');

  const runs = fixture.runsOf(() => fixture.put(entry(500, '10.99.99.99')));

  expect(Object.fromEntries(changed)).toEqual({ endpointSets: 1 });
  expect(runs).toEqual({
    'mesh.entryClaims': 1,
    'mesh.entryBackings': 1,
    'mesh.inlineEndpoints': 1,
    'mesh.ownedEndpointSets': 1,
    'mesh.endpointSets': 1,
    'mesh.servers': 1,
  });
});

test('a Pod that stops being ready changes the endpoint sets of its service only', () => {
  const runs = fixture.runsOf(() =>
    fixture.put(pod('ns-1/app-0', { app: 'app' }, { ip: '127.0.1.1', isReady: false })),
  );
  expect(runs).toEqual({
    'mesh.podWorkloads': 1,
    'mesh.workloads': 1,
    'mesh.peerPolicies': 1,
    'mesh.selectedEndpoints': 1,
    'mesh.ownedEndpointSets': 1,
    'mesh.endpointSets': 1,
    'mesh.servers': 1,
  });
});

test('a changed VirtualService changes the route table of its host', () => {
  const runs = fixture.runsOf(() => fixture.put(route(500, ['v1'])));
  expect(runs).toEqual({
    'mesh.routeClaims': 1,
    'mesh.routes': 1,
    'mesh.routeTables': 1,
    'mesh.routeTargets': 1,
  });
});

test('a new service costs what it consists of', () => {
  const runs = fixture.runsOf(() => fixture.put(entry(5_000)));
  expect(total(runs)).toBeLessThanOrEqual(20);
});

test('a DestinationRule concerns its host and the routes to it', () => {
  const runs = fixture.runsOf(() => fixture.put(destinationRule('ns-0/svc-500', { host: hostOf(500) })));
  expect(total(runs)).toBeLessThanOrEqual(5);
});

test("a namespace's mutual TLS concerns what runs in the namespace", () => {
  const runs = fixture.runsOf(() => fixture.put(peerAuthentication('ns-3/default', { mode: 'STRICT' })));
  expect(runs['mesh.inlineEndpoints']).toBe(serviceCount / 10);
  expect(runs['mesh.inbounds']).toBe(10);
  expect(runs['mesh.endpointSets'] ?? 0).toBe(0);
});

test('who may come in concerns the workloads that a policy selects, and nothing that others know of them', () => {
  const selector = { app: 'client' };
  const one = fixture.runsOf(() => fixture.put(authorizationPolicy('ns-3/one', { selector })));
  // Whether there is somebody to ask is looked at for each policy that is written.
  const itself = { 'mesh.authorizationPolicies': 1, 'mesh.authorizationConflicts': 1 };
  expect(one).toEqual({ ...itself, 'mesh.inbounds': 10 });
  const other = fixture.runsOf(() =>
    fixture.put(authorizationPolicy('ns-3/other', { selector: { app: 'none' } })),
  );
  expect(other).toEqual(itself);
});

test('mutual TLS of the whole mesh runs everything that depends on it once, and nothing else', () => {
  const runs = fixture.runsOf(() =>
    fixture.put(peerAuthentication('istio-system/default', { mode: 'DISABLE' })),
  );
  expect(runs['mesh.inlineEndpoints']).toBeLessThanOrEqual(serviceCount + 1);
  expect(runs['mesh.endpointSets']).toBeLessThanOrEqual(serviceCount + 2);
  expect(runs['mesh.inbounds']).toBe(90);
  expect(runs['mesh.destinations'] ?? 0).toBe(0);
  expect(runs['mesh.routeTables'] ?? 0).toBe(0);
});
