// What objects of connections contradict each other in, and how it is decided.
import type { TcpRouteSpec } from '@xebec/config';
import { expect, test } from 'vitest';
import { createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import { service, serviceEntry, virtualService } from './testing/objects.ts';

function found(...objects: readonly MeshObject[]): readonly string[] {
  const fixture = createMesh();
  fixture.put(...objects);
  const rows = [...fixture.mesh.conflicts.entries()];
  return rows.map(([, { code, origin, message }]) => `${code} ${origin?.object}: ${message}`).sort();
}

const anywhere = (name: string, protocol: 'tcp' | 'tls' | 'http', port = 5671) =>
  serviceEntry(`default/${name}`, {
    hosts: [`${name}.example`],
    ports: [{ number: port, name: protocol, protocol, targetPort: port }],
    resolution: 'NONE',
    location: 'MESH_EXTERNAL',
  });

test('two hosts without an address cannot share a TCP port; TLS hosts can', () => {
  expect(found(anywhere('b', 'tcp'), anywhere('a', 'tcp'))).toEqual([
    'port-claimed-twice ServiceEntry/default/b: b.example has no address, and port 5671 belongs to a.example; connections do not find it',
  ]);
  expect(found(anywhere('b', 'tls'), anywhere('a', 'tls'))).toEqual([]);
});

test('HTTP has a port before a host without an address', () => {
  expect(found(anywhere('a', 'tcp'), anywhere('z', 'http'))).toEqual([
    'port-claimed-twice ServiceEntry/default/a: a.example has no address, and port 5671 belongs to services that speak HTTP on it; connections do not find it',
  ]);
});

const tcp = (host: string, port?: number): TcpRouteSpec => ({
  matches: [],
  destinations: [{ host, subset: '', weight: 100, ...(port === undefined ? {} : { port }) }],
});

test('rules of two objects for one host are merged, and destinations that are not there are told', () => {
  const db = service('default/db', {
    ports: [{ name: 'tcp', port: 3306, protocol: 'tcp', transport: 'TCP', targetPort: 3306 }],
  });
  const rules = (name: string, spec: TcpRouteSpec) =>
    virtualService(`default/${name}`, { hosts: ['db'], tcp: [spec] });
  expect(found(db, rules('one', tcp('db', 3306)), rules('two', tcp('nowhere', 1)))).toEqual([
    expect.stringContaining('connection-rules-merged VirtualService/default/two'),
    'destination-unknown VirtualService/default/two: no service nowhere.default.svc.cluster.local is known; requests get 503',
  ]);
});
