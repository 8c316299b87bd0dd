// What a changed endpoint costs where clients are in several places: one resource for each of them, of its own host only.
import type { ProxyNode } from '@xebec/model';
import { expect, test } from 'vitest';
import { createConfigMesh } from '../testing/config-mesh.ts';

const node = (id: string, zone?: string): ProxyNode => ({
  id,
  role: 'sidecar',
  namespace: 'web',
  name: id,
  serviceAccount: 'default',
  address: '127.0.9.1',
  labels: {},
  capture: 'transparent',
  applicationAddress: '127.0.0.1',
  discovery: 'eager',
  workloadName: id,
  network: '',
  gatewayPorts: {},
  ...(zone === undefined ? {} : { locality: { region: 'east', zone, subzone: '' } }),
});
const entry = (name: string, zone: string): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${name}.example]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.0.0.1, locality: east/${zone}}]
`;
const rule = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: near}
spec: {host: near.example, trafficPolicy: {outlierDetection: {}}}
`;

function open() {
  const mesh = createConfigMesh();
  mesh.connect(node('a', 'one'), node('b', 'one'), node('c', 'two'), node('d'));
  mesh.apply([entry('near', 'one'), entry('far', 'one'), rule].join('---\n'));
  return mesh;
}
const runsOf = (mesh: ReturnType<typeof open>, write: () => void) => {
  const before = mesh.graph.runs();
  write();
  return Object.fromEntries(
    Object.entries(mesh.graph.runs()).map(([name, runs]) => [name, runs - (before[name] ?? 0)]),
  );
};
const endpointKeys = ({ types }: ReturnType<typeof open>): readonly string[] =>
  types
    .filter(({ typeUrl }) => typeUrl.endsWith('ClusterLoadAssignment'))
    .flatMap(({ resources }) => [...resources.keys()])
    .sort();

test('only hosts for which it matters exist once for each place', () => {
  expect(endpointKeys(open())).toEqual([
    '*@east/one/|outbound|80||near.example',
    '*@east/two/|outbound|80||near.example',
    '*|outbound|80||far.example',
    '*|outbound|80||near.example',
  ]);
});

test('a changed endpoint runs the endpoints of its host once, and no cluster, route or place', () => {
  const mesh = open();
  const runs = runsOf(mesh, () => mesh.apply(entry('near', 'two')));
  expect(runs['endpoints']).toBe(1);
  for (const name of ['outboundClusters', 'virtualHosts', 'places', 'placeLayers', 'endpointSelections'])
    expect(runs[name] ?? 0, name).toBe(0);
});

test('one more client in a known place changes no endpoints; the last one to leave takes them along', () => {
  const mesh = open();
  expect(runsOf(mesh, () => mesh.connect(node('e', 'two')))['endpoints'] ?? 0).toBe(0);
  mesh.graph.transact(() => {
    for (const id of ['c', 'e']) mesh.proxies.delete(id);
  });
  expect(endpointKeys(mesh)).not.toContain('*@east/two/|outbound|80||near.example');
});
