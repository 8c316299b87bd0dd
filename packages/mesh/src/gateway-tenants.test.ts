// The tenant matrix at gateways: what namespace `a` writes takes neither the hosts, nor the requests, nor the certificates of others.
import type { GatewayServerSpec, ObjectOf } from '@xebec/config';
import { describe, expect, test } from 'vitest';
import { createMesh, type MeshObject } from './testing/mesh-fixture.ts';
import {
  forward,
  gatewayServer,
  gatewayTls,
  object,
  proxy,
  service,
  virtualService,
} from './testing/objects.ts';

const labels = { istio: 'ingressgateway' };
type Id = `${string}/${string}`;

function meshOf(...objects: readonly MeshObject[]) {
  const { mesh, put, connect } = createMesh();
  connect(proxy('edge/gw-1', { id: 'gw', role: 'router', address: '127.0.9.1', labels, gatewayPorts: {} }));
  put(service('b/bank'), ...objects);
  return mesh;
}

const gateway = (id: Id, ...servers: readonly GatewayServerSpec[]) =>
  object('Gateway', id, { selector: labels, servers });
const route = (
  id: Id,
  gateways: readonly string[],
  exportTo?: readonly string[],
): ObjectOf<'VirtualService'> =>
  virtualService(id, {
    hosts: ['bank.example'],
    gateways,
    http: [forward(['bank.b.svc.cluster.local'])],
    ...(exportTo === undefined ? {} : { exportTo }),
  });
const secret = (id: Id) =>
  object('Secret', id, {
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': new Uint8Array([1]), 'tls.key': new Uint8Array([2]) },
  });

/** Whose rules answer for `bank.example`, whether it is redirected, and what the status says of which object. */
function seen(...objects: readonly MeshObject[]) {
  const { gateways, conflicts } = meshOf(...objects);
  const servers = (gateways.get('gw')?.listeners ?? []).flatMap(({ servers: each }) => each);
  const host = servers
    .flatMap(({ traffic }) => (traffic.kind === 'http' ? traffic.virtualHosts : []))
    .find(({ domain }) => domain === 'bank.example');
  return {
    rules: host?.rules.map(({ cause }) => cause.object.split('/')[1]).join(' '),
    redirected: host?.httpsRedirect ?? false,
    status: [...conflicts.entries()].map(([, { code, origin }]) => [
      code,
      origin !== undefined && 'object' in origin ? origin.object : '',
    ]),
  };
}

const open = (...hosts: readonly string[]) => gatewayServer(80, hosts);
const redirecting = (...hosts: readonly string[]) => gatewayServer(80, hosts, { httpsRedirect: true });

describe('[RELIABILITY B19] binding to a Gateway of another namespace', () => {
  test.each([
    { hosts: 'bank.example', rules: 'a' },
    { hosts: '*/bank.example', rules: 'a' },
    { hosts: 'a/bank.example', rules: 'a' },
    { hosts: 'a/*', rules: 'a' },
    { hosts: 'b/bank.example', rules: undefined },
    { hosts: './bank.example', rules: undefined },
    { hosts: 'a/other.example', rules: undefined },
  ])('hosts: [$hosts]', ({ hosts, rules }) => {
    const found = seen(gateway('edge/shared', open(hosts)), route('a/v', ['edge/shared']));
    expect(found.rules).toBe(rules);
    expect(found.status).toEqual(
      rules === undefined ? [['gateway-host-not-open', 'VirtualService/a/v']] : [],
    );
  });

  test('a host that one of several Gateways opens, or that sidecars have, is not missed at the others', () => {
    const both = virtualService('a/v', {
      hosts: ['bank.example', 'a.example'],
      gateways: ['edge/shared', 'own'],
      http: [forward(['bank.b.svc.cluster.local'])],
    });
    const gateways = [gateway('edge/shared', open('a/bank.example')), gateway('a/own', open('a.example'))];
    expect(seen(...gateways, both).status).toEqual([]);
    const useless = [gateway('edge/shared', open('a/*')), gateway('a/own', open('c.example'))];
    expect(seen(...useless, both).status).toEqual([['gateway-host-not-open', 'VirtualService/a/v']]);
  });

  test('it must be exported to where the gateway runs', () => {
    const hidden = seen(gateway('edge/shared', open('*')), route('a/v', ['edge/shared'], ['.']));
    expect(hidden).toMatchObject({
      rules: undefined,
      status: [['gateway-route-not-exported', 'VirtualService/a/v']],
    });
    expect(seen(gateway('edge/shared', open('*')), route('a/v', ['edge/shared'], ['edge'])).rules).toBe('a');
  });
});

describe('[RELIABILITY B19] a host that others serve on the same port', () => {
  const ofB = [gateway('edge/shared', open('b/bank.example')), route('b/v', ['edge/shared'])];

  test('belongs to the namespace of the gateway workload, however its Gateways are called', () => {
    const taken = seen(...ofB, gateway('a/grab', open('bank.example')), route('a/grab', ['grab']));
    expect(taken).toEqual({
      rules: 'b',
      redirected: false,
      status: [['gateway-host-claimed-twice', 'VirtualService/a/grab']],
    });
  });

  test('is not redirected by others', () => {
    expect(seen(...ofB, gateway('a/grab', redirecting('bank.example')))).toEqual({
      rules: 'b',
      redirected: false,
      status: [['gateway-host-claimed-twice', 'Gateway/a/grab']],
    });
  });

  test('belongs to who names it, before who opens any', () => {
    const named = [gateway('b/own', open('bank.example')), route('b/v', ['own'])];
    const taken = seen(...named, gateway('a/any', redirecting('*')), route('a/v', ['any']));
    expect(taken).toMatchObject({ rules: 'b', redirected: false });
    expect(taken.status).toEqual([['gateway-host-claimed-twice', 'VirtualService/a/v']]);
  });

  test('is shared by Gateways of one namespace, and by VirtualServices of several at one Gateway', () => {
    const both = seen(
      gateway('b/one', open('bank.example')),
      gateway('b/two', redirecting('bank.example')),
      route('b/v', ['one']),
    );
    expect(both).toEqual({ rules: 'b', redirected: true, status: [] });
    const shared = seen(
      gateway('edge/shared', open('*')),
      route('a/v', ['edge/shared']),
      route('b/v', ['edge/shared']),
    );
    expect(shared.rules).toBe('a b');
    expect(shared.status.map(([code]) => code)).toEqual(['gateway-routes-merged', 'rule-shadowed']);
  });
});

const tlsServer = (credentialName: string, host = 'bank.example') =>
  gatewayServer(443, [host], {
    port: { number: 443, name: 'https', protocol: 'HTTPS' },
    tls: gatewayTls(credentialName),
  });

/** The Secrets that the gateway's proxy is told to ask for. */
function secretsOf(...objects: readonly MeshObject[]) {
  const { gateways, conflicts } = meshOf(...objects);
  const servers = (gateways.get('gw')?.listeners ?? []).flatMap(({ servers: each }) => each);
  return {
    names: servers.flatMap(({ tls }) =>
      tls.kind === 'certificate' ? tls.certificates.map(({ name }) => name) : [],
    ),
    codes: [...conflicts.entries()].map(([, { code }]) => code),
  };
}

describe('[RELIABILITY B19] certificates', () => {
  test('of a third namespace are shown by nobody', () => {
    expect(secretsOf(secret('b/bank'), gateway('a/grab', tlsServer('b/bank')))).toEqual({
      names: [],
      codes: ['gateway-secret-foreign'],
    });
    expect(secretsOf(secret('b/bank'), gateway('a/grab', tlsServer('bank')))).toEqual({
      names: ['kubernetes://edge/bank'],
      codes: ['gateway-secret-missing'],
    });
  });

  test('of the Gateway’s own namespace are shown where it asks for it', () => {
    expect(secretsOf(secret('a/own'), gateway('a/mine', tlsServer('own')))).toEqual({
      names: ['kubernetes://a/own'],
      codes: [],
    });
  });

  test('a host with a certificate is not served with another one by others', () => {
    const found = secretsOf(
      secret('edge/bank'),
      secret('a/fake'),
      gateway('edge/shared', tlsServer('bank')),
      gateway('a/grab', tlsServer('fake')),
    );
    expect(found).toEqual({ names: ['kubernetes://edge/bank'], codes: ['gateway-host-claimed-twice'] });
  });
});

describe('[RELIABILITY B19] AUTO_PASSTHROUGH', () => {
  const named = (...hosts: readonly string[]) =>
    gatewayServer(15_443, hosts, {
      port: { number: 15_443, name: 'tls', protocol: 'TLS' },
      tls: { ...gatewayTls(''), mode: 'AUTO_PASSTHROUGH', certificates: [] },
    });
  const hostsOf = (...objects: readonly MeshObject[]) => {
    const { gateways, conflicts } = meshOf(...objects);
    const [server] = gateways.get('gw')?.listeners[0]?.servers ?? [];
    return {
      hosts: server?.traffic.kind === 'named-by-client' ? server.traffic.hosts : [],
      codes: [...conflicts.entries()].map(([, { code }]) => code),
    };
  };

  test.each([
    { by: 'edge/east-west', hosts: '*.local', expected: ['*.local'] },
    { by: 'edge/east-west', hosts: 'b/*.local', expected: ['*.b.svc.cluster.local'] },
    { by: 'istio-system/east-west', hosts: '*.local', expected: ['*.local'] },
    { by: 'a/east-west', hosts: '*.local', expected: ['*.a.svc.cluster.local'] },
    { by: 'a/east-west', hosts: '*', expected: ['*.a.svc.cluster.local'] },
    { by: 'a/east-west', hosts: 'own.a.svc.cluster.local', expected: ['own.a.svc.cluster.local'] },
    { by: 'a/east-west', hosts: 'b/*.local', expected: [] },
    { by: 'a/east-west', hosts: 'bank.b.svc.cluster.local', expected: [] },
  ] as const)('$by opens $hosts', ({ by, hosts, expected }) => {
    expect(hostsOf(gateway(by, named(hosts)))).toEqual({
      hosts: expected,
      codes: expected.length === 0 ? ['gateway-names-nothing'] : [],
    });
  });
});
