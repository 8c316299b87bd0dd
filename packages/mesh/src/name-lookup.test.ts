// Names as clients may use them: services, members, aliases, wildcards, and what is left to other servers.
import { expect, test } from 'vitest';
import { lookUpName } from './name-lookup.ts';
import { createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import { inlineEndpoint, pod, service, serviceEntry, servicePort } from './testing/objects.ts';
import { virtualAddress, virtualAddressV6 } from './virtual-address.ts';

const asking = (namespace: string, ...objects: readonly MeshObject[]) => {
  const { mesh, put } = createMesh();
  put(...objects);
  return (name: string) => lookUpName(mesh, { name, namespace });
};
const stable = (...addresses: readonly string[]) => ({ kind: 'addresses', addresses, isStable: true });
const members = (...addresses: readonly string[]) => ({ kind: 'addresses', addresses, isStable: false });
const unknown = { kind: 'unknown' };

const headless = service('shop/db', { isHeadless: true, clusterIPs: [], ports: [servicePort(5432, 'tcp')] });
const first = pod('shop/db-0', { app: 'db' }, { ip: '127.0.2.1' });
const second = pod('shop/db-1', { app: 'db' }, { ip: '127.0.2.2' });

test('[MG-8] a service has its own address, a headless one those of its ready members', () => {
  const unready = pod('shop/db-2', { app: 'db' }, { ip: '127.0.2.3', isReady: false });
  const ask = asking('shop', service('shop/web'), headless, first, second, unready);
  expect(ask('web.shop.svc.cluster.local')).toEqual(stable('10.0.0.1'));
  expect(ask('db.shop.svc.cluster.local')).toEqual(members('127.0.2.1', '127.0.2.2'));
  expect(ask('db-1.db.shop.svc.cluster.local')).toEqual(members('127.0.2.2'));
  expect(ask('127-0-2-1.db.shop.svc.cluster.local')).toEqual(members('127.0.2.1'));
  for (const name of ['db-2.db', 'db-9.db', 'web-0.web', 'nothing']) {
    expect(ask(`${name}.shop.svc.cluster.local`)).toEqual(unknown);
  }
});

test('[MG-8] unready members have names where they are published', () => {
  const { kind, metadata, spec } = headless;
  const published = service('shop/db', { ...spec, publishNotReadyAddresses: true });
  expect([kind, metadata.name]).toEqual(['Service', 'db']);
  const ask = asking('shop', published, pod('shop/db-0', { app: 'db' }, { ip: '127.0.2.1', isReady: false }));
  expect(ask('db-0.db.shop.svc.cluster.local')).toEqual(members('127.0.2.1'));
});

test('[MG-8] a port has places: the service itself, or each of its members', () => {
  const ask = asking('shop', service('shop/web'), headless, first, second);
  expect(ask('_http._tcp.web.shop.svc.cluster.local')).toEqual({
    kind: 'places',
    places: [{ host: 'web.shop.svc.cluster.local', port: 9080 }],
  });
  expect(ask('_tcp._tcp.db.shop.svc.cluster.local')).toMatchObject({
    places: [
      { host: 'db-0.db.shop.svc.cluster.local', port: 5432 },
      { host: 'db-1.db.shop.svc.cluster.local', port: 5432 },
    ],
  });
  expect(ask('_http._udp.web.shop.svc.cluster.local')).toEqual(unknown);
});

test('[MG-8] an alias of a service has its address, any other is another name; circles end', () => {
  const alias = (name: string, externalName: string) =>
    service(`shop/${name}`, { type: 'ExternalName', externalName, clusterIPs: [], ports: [] });
  const ask = asking(
    'shop',
    service('shop/web'),
    alias('old', 'older.shop.svc.cluster.local'),
    alias('older', 'web.shop.svc.cluster.local'),
    alias('search', 'search.example.com'),
    alias('tail', 'head.shop.svc.cluster.local'),
    alias('head', 'tail.shop.svc.cluster.local'),
  );
  expect(ask('old.shop.svc.cluster.local')).toEqual(stable('10.0.0.1'));
  expect(ask('search.shop.svc.cluster.local')).toEqual({ kind: 'name', name: 'search.example.com' });
  expect(ask('tail.shop.svc.cluster.local')).toEqual({ kind: 'name', name: 'head.shop.svc.cluster.local' });
});

test('[MG-8] hosts of ServiceEntries have their addresses, else an allocated one; the rest is left to other servers', () => {
  const ask = asking(
    'shop',
    serviceEntry('shop/dns', { hosts: ['api.example'], resolution: 'DNS', location: 'MESH_EXTERNAL' }),
    serviceEntry('shop/off', { hosts: ['off.example'], resolution: 'DNS', isAllocated: false }),
    serviceEntry('shop/none', { hosts: ['none.example'], resolution: 'NONE' }),
    serviceEntry('shop/wild', {
      hosts: ['*.wild.example'],
      addresses: ['10.9.0.1', '10.8.0.0/16'],
      endpoints: [inlineEndpoint('10.9.9.9')],
    }),
    serviceEntry('shop/dynamic', { hosts: ['*.dynamic.example'], resolution: 'DYNAMIC_DNS' }),
  );
  expect(ask('api.example')).toEqual(stable(virtualAddress('api.example')));
  expect(ask('deep.in.wild.example')).toEqual(stable('10.9.0.1'));
  for (const name of ['off.example', 'none.example', 'a.dynamic.example', 'wild.example']) {
    expect(ask(name)).toEqual(unknown);
  }
});

test('[MG-8] names are those of the client: what is not exported to it does not exist', () => {
  const objects = [service('shop/web', { exportTo: ['.'] })];
  expect(asking('shop', ...objects)('web.shop.svc.cluster.local')).toEqual(stable('10.0.0.1'));
  expect(asking('other', ...objects)('web.shop.svc.cluster.local')).toEqual(unknown);
});

test('[MG-8] hosts that share an allocated address: the first by name keeps it, the other is moved and told', () => {
  const pairs = new Map<string, string>();
  let pair: readonly [string, string] | undefined;
  for (let count = 0; pair === undefined; count += 1) {
    const host = `h${count}.example`;
    const other = pairs.get(virtualAddress(host));
    if (other !== undefined) pair = other < host ? [other, host] : [host, other];
    pairs.set(virtualAddress(host), host);
  }
  const [kept, moved] = pair;
  const entry = (host: string) => serviceEntry(`shop/${host}`, { hosts: [host], resolution: 'DNS' });
  const { mesh, put } = createMesh();
  put(entry(moved));
  const address = (host: string) => lookUpName(mesh, { name: host, namespace: 'shop' });
  expect(address(moved)).toEqual(stable(virtualAddress(moved)));
  put(entry(kept));
  expect(address(kept)).toEqual(stable(virtualAddress(kept)));
  expect(address(moved)).toEqual(stable(virtualAddress(moved, 1)));
  expect([...mesh.conflicts.entries()].map(([, { code, origin }]) => `${code} ${origin?.object}`)).toEqual([
    `address-moved ServiceEntry/shop/${moved}`,
  ]);
});

test('[MG-8] IPv6 addresses are of a block that is routed nowhere', () => {
  expect(virtualAddressV6('api.example')).toMatch(
    /^2001:2::([1-9a-f][0-9a-f]{0,3}:){3}[1-9a-f][0-9a-f]{0,3}$/,
  );
});
