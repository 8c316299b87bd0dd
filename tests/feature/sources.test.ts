// Where configuration comes from makes no difference to what proxies get; and files that are edited badly take nothing away.
import { describe, expect, it } from 'vitest';
import { eventually, startControlPlane, type TestControlPlane } from './support/control-plane.ts';
import { documents, route, service, subsets } from './support/documents.ts';
import { atEnd } from './support/mesh.ts';
import { connectProxy, type ProxyClient, type TypeName } from './support/proxy-client.ts';

const elsewhere = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ratings }
spec:
  hosts: [ratings.example]
  addresses: [240.1.2.3]
  ports: [{ number: 9080, name: http, protocol: HTTP }]
  location: MESH_INTERNAL
  resolution: STATIC
  workloadSelector: { labels: { app: ratings } }
`;
const entry = (address: string): string => `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ratings-0, labels: { app: ratings } }
spec: { address: ${address}, serviceAccount: ratings, locality: eu/de/fra }
`;
const slice = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: listed-a, labels: { kubernetes.io/service-name: listed } }
addressType: IPv4
ports: [{ name: http, port: 9080 }]
endpoints: [{ addresses: [127.0.8.9], conditions: { ready: true } }]
`;
const listed = service('listed').replace('selector: { app: listed }, ', '');
const texts = [
  service('reviews'),
  subsets('reviews', 'v1', 'v2'),
  route('reviews', { v1: 90, v2: 10 }),
  elsewhere,
  entry('127.0.8.7'),
  listed,
  slice,
];

async function started(options: Parameters<typeof startControlPlane>[0]): Promise<TestControlPlane> {
  const plane = await startControlPlane(options);
  atEnd(() => plane.close());
  return plane;
}

async function connected(plane: TestControlPlane): Promise<ProxyClient> {
  const proxy = connectProxy(plane.port, { name: 'client' });
  atEnd(() => proxy.close());
  await plane.settled([proxy]);
  return proxy;
}

const contentOf = ({ resources }: ProxyClient) =>
  [...resources].flatMap(([type, byName]: [TypeName, ReadonlyMap<string, Uint8Array>]) =>
    [...byName].map(([name, bytes]) => [`${type} ${name}`, Buffer.from(bytes).toString('base64')] as const),
  );

describe('sources', () => {
  it('[MG-4] the same content from files, in any number and order, and over the API is the same to the byte', async () => {
    const api = await started({});
    await api.apply(documents(...texts));
    const one = await started({ files: { 'all.yaml': documents(...texts) } });
    const many = await started({
      files: Object.fromEntries(texts.map((text, i) => [`${9 - i}/deep/${i}.yaml`, `# ${i}\n\n${text}`])),
    });
    const expected = Object.fromEntries(contentOf(await connected(api)));
    expect(Object.keys(expected).length).toBeGreaterThan(12);
    for (const plane of [one, many])
      expect(Object.fromEntries(contentOf(await connected(plane)))).toEqual(expected);
  });

  it('[MG-4] a service has the same endpoints whether the platform or an entry lists them', async () => {
    const plane = await started({});
    await plane.apply(documents(...texts));
    const proxy = await connected(plane);
    const endpoints = proxy.resources.get('endpoint');
    expect(Buffer.from(endpoints?.get('outbound|9080||ratings.example') ?? []).includes('127.0.8.7')).toBe(
      true,
    );
    const ofSlice = endpoints?.get('outbound|9080||listed.default.svc.cluster.local');
    expect(Buffer.from(ofSlice ?? []).includes('127.0.8.9')).toBe(true);
  });

  it('[MG-3] a saved file is one change; lines that only moved are none', async () => {
    const plane = await started({ files: { 'a.yaml': documents(...texts), 'b.yaml': service('details') } });
    const proxy = await connected(plane);
    proxy.taken();
    const before = await plane.ask<{ epoch: number; revision: number }>('GET', '/v1/status');
    plane.writeFile('a.yaml', `# a comment\n\n${documents(...texts)}`);
    plane.writeFile('b.yaml', service('details', '{ name: http, port: 7000 }'));
    await eventually('the file was read', async () => {
      const { revision } = await plane.ask<{ revision: number }>('GET', '/v1/status');
      return revision > before.revision;
    });
    await plane.settled([proxy], before.epoch + 1);
    expect(
      sorted(
        proxy
          .taken()
          .flatMap(({ type, set = [], removed = [] }) => [
            ...set.map((name) => `${type} + ${name}`),
            ...removed.map((name) => `${type} - ${name}`),
          ]),
      ),
    ).toEqual([
      'cluster + outbound|7000||details.default.svc.cluster.local',
      'cluster - outbound|9080||details.default.svc.cluster.local',
      'endpoint + outbound|7000||details.default.svc.cluster.local',
      'endpoint - outbound|9080||details.default.svc.cluster.local',
      'listener + 0.0.0.0_7000',
      'route + 7000',
      'route + 9080',
    ]);
  });

  it('an object that became wrong keeps its last good value, and the rest of the file goes on', async () => {
    const plane = await started({ files: { 'a.yaml': documents(...texts) } });
    const proxy = await connected(plane);
    const before = Object.fromEntries(contentOf(proxy));
    proxy.taken();
    const wrong = route('reviews', { v1: 90, v2: 10 }).replace('weight: 90', 'weight: -1');
    const [first = '', second = '', , ...rest] = texts;
    plane.writeFile('a.yaml', documents(first, second, wrong, ...rest, service('details')));
    await eventually('the new service is there', async () => {
      await plane.settled([proxy]);
      return proxy.resources.get('cluster')?.has('outbound|9080||details.default.svc.cluster.local') === true;
    });
    await plane.settled([proxy]);
    const after = Object.fromEntries(contentOf(proxy));
    const unchanged = Object.keys(before).filter((name) => name !== 'route 9080');
    expect(unchanged.filter((name) => after[name] !== before[name])).toEqual([]);
    const { verdicts } = await plane.ask<{ verdicts: readonly { key: string }[] }>('GET', '/v1/status');
    expect(verdicts.map(({ key }) => key)).toEqual(['VirtualService/default/reviews']);
  });
});

const sorted = (values: readonly string[]): readonly string[] => [...new Set(values)].sort();
