// One gateway for several teams: their Gateways on the same ports, what each may have, and the status that says why not.
import { execFileSync, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type EdgeMesh,
  hasOpenssl,
  type OutsideAuthority,
  openOutsideAuthority,
  secretOf,
  startEdgeMesh,
} from './support/edge.ts';
import { fetchText } from './support/http.ts';
import { listAt, textAt, until } from './support/mesh.ts';
import { fetchTls, shakeHands } from './support/tls.ts';

let edge: EdgeMesh;
let outside: OutsideAuthority;
const socket = `xb-${process.pid}`;
/** Node pads the names of such sockets. */
const hasCurl = spawnSync('curl', ['--version'], { timeout: 30_000, killSignal: 'SIGKILL' }).status === 0;

/** Who answered is said by the rule. */
const team = (name: string, servers: string, hosts: string, gateways = 'own'): string => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: own, namespace: ${name} }
spec:
  selector: { istio: edge }
  servers:${servers}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: own, namespace: ${name} }
spec:
  hosts: ${hosts}
  gateways: [${gateways}]
  http: [{ directResponse: { status: 200, body: { string: ${name} } } }]
`;

const http = (hosts: string): string => `
  - { port: { number: 80, name: http, protocol: HTTP }, hosts: ${hosts} }`;
const https = (host: string, secret: string): string => `
  - port: { number: 443, name: https, protocol: HTTPS }
    hosts: [${host}]
    tls: { mode: SIMPLE, credentialName: ${secret} }`;
const bound = (bind: string, number: number): string => `
  - { port: { number: ${number}, name: at-${number}, protocol: HTTP }, bind: "${bind}", hosts: [bound.example] }`;

const served = ['a', 'b', 'bank', 'stolen'].map((name) => `DNS:${name}.example`);
const objects = (): string => {
  const certificate = (name: string, namespace: string) => {
    const { cert, key } = outside.issue([...served, `DNS:${namespace}`]);
    return secretOf(name, { 'tls.crt': cert, 'tls.key': key }, namespace);
  };
  return [
    certificate('shared', 'istio-system'),
    certificate('own', 'team-a'),
    certificate('own', 'team-b'),
    // The platform's: opens one host to team-b.
    team(
      'istio-system',
      `${http('[team-b/bank.example, bound.example]')}${https('team-b/bank.example', 'shared')}${bound('127.0.0.77', 81)}${bound(`unix://@${socket}`, 0)}`,
      '[bound.example]',
    ),
    team(
      'team-b',
      `${http('[b.example]')}${https('b.example', 'own')}`,
      '[b.example, bank.example]',
      'own, istio-system/own',
    ),
    // Wants more than its own.
    team(
      'team-a',
      `${http('[a.example, bank.example]')}${https('a.example', 'own')}
  - port: { number: 443, name: bank, protocol: HTTPS }
    hosts: [bank.example]
    tls: { mode: SIMPLE, credentialName: own }
  - port: { number: 443, name: stolen, protocol: HTTPS }
    hosts: [stolen.example]
    tls: { mode: SIMPLE, credentialName: team-b/own }`,
      '[a.example, bank.example]',
      'own, istio-system/own',
    ),
  ].join('---\n');
};

beforeAll(async () => {
  if (!hasOpenssl) return;
  outside = openOutsideAuthority('outside');
  edge = await startEdgeMesh([{ name: 'edge', ports: [80, 81, 443] }]);
  const applied = await edge.mesh.apply(objects());
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
  await until('it serves', async () => (await get('a.example')).status === 200);
}, 240_000);
afterAll(async () => {
  await edge?.stop();
  outside?.[Symbol.dispose]();
});

const get = (host: string) =>
  fetchText({ url: `http://127.0.0.1:${edge.portOf('edge', 80)}/`, headers: { host } });
const getTls = (name: string) =>
  fetchTls({ port: edge.portOf('edge', 443), name, options: { ca: outside.root } });
const namesOf = async (name: string) =>
  (await shakeHands({ port: edge.portOf('edge', 443), name })).certificate.subjectAltName;

describe.skipIf(!hasOpenssl)('[MG-8] several Gateways on one port (needs openssl)', () => {
  it('plaintext: each serves its own hosts', async () => {
    expect((await get('a.example')).body).toBe('team-a');
    expect((await get('b.example')).body).toBe('team-b');
    expect((await get('c.example')).status).toBe(404);
  });

  it('TLS: each with its own certificate', async () => {
    expect(await namesOf('a.example')).toContain('DNS:team-a');
    expect(await namesOf('b.example')).toContain('DNS:team-b');
    expect((await getTls('a.example')).body).toBe('team-a');
    expect((await getTls('b.example')).body).toBe('team-b');
  });

  it('bind: an address of its own', async () => {
    const port = edge.portOf('edge', 81);
    const answer = await fetchText({ url: `http://127.0.0.77:${port}/`, headers: { host: 'bound.example' } });
    expect(answer.body).toBe('istio-system');
    await expect(fetchText({ url: `http://127.0.0.1:${port}/` })).rejects.toThrow(/ECONNREFUSED/);
  });

  it.skipIf(!hasCurl)('bind: a socket without a file (needs curl)', () => {
    const call = ['--silent', '--max-time', '10', '--abstract-unix-socket', socket, 'http://bound.example/'];
    expect(execFileSync('curl', call, { timeout: 30_000, killSignal: 'SIGKILL' }).toString()).toBe(
      'istio-system',
    );
  });
});

describe.skipIf(!hasOpenssl)('[RELIABILITY B19] what one team may not have (needs openssl)', () => {
  it('a host that the platform has opened to another', async () => {
    expect((await get('bank.example')).body).toBe('team-b');
  });

  it('another certificate for it', async () => {
    expect(await namesOf('bank.example')).toContain('DNS:istio-system');
  });

  it('the certificate of another team', async () => {
    await expect(getTls('stolen.example')).rejects.toThrow();
  });

  it('its status says why', async () => {
    const conflicts = listAt(await edge.mesh.admin('/v1/status'), 'conflicts');
    const about = (object: string) =>
      conflicts.flatMap((each) =>
        textAt(each, 'origin', 'object') === object ? [textAt(each, 'code')] : [],
      );
    expect(about('Gateway/team-a/own')).toEqual(
      expect.arrayContaining(['gateway-host-claimed-twice', 'gateway-secret-foreign']),
    );
    expect(about('VirtualService/team-a/own')).toContain('gateway-host-claimed-twice');
    for (const kind of ['Gateway', 'VirtualService']) expect(about(`${kind}/team-b/own`)).toEqual([]);
  });
});
