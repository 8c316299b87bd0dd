// What was taken back opens no connection any more, neither to workloads nor to the control plane, and does again once it is given back.
import { X509Certificate } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handshake } from './support/handshake.ts';
import { startHandshakingMesh } from './support/handshakes.ts';
import { fetchText, startLoad } from './support/http.ts';
import { credentialsOf } from './support/identity.ts';
import { at, listAt, type Mesh, textAt, until } from './support/mesh.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startHandshakingMesh();
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const isTakenByAll = async (): Promise<boolean> =>
  listAt(await mesh.admin('/v1/ca'), 'workloads').every((each) => at(each, 'hasBundle') === true);

describe('[AU-9] a certificate', () => {
  it('that is revoked is refused by workloads, while others notice nothing; given back it counts again', async () => {
    const server = await mesh.pod('echo');
    const client = await mesh.pod('client');
    const [stolen, other] = [await credentialsOf(mesh, 'client'), await credentialsOf(mesh, 'client')];
    expect(await handshake(server.ip, stolen)).toBeDefined();
    const load = startLoad({ url: 'http://echo/', proxy: `${client.ip}:15001` }, 40);
    const { serialNumber } = new X509Certificate(stolen.certificatesPem);
    const revoked = await mesh.xebec(['ca', 'revoke', serialNumber]);
    expect(revoked.stdout).toBe(`${serialNumber}: 1 certificate revoked\n`);
    await until('every proxy knows', isTakenByAll, 10_000);
    expect(await handshake(server.ip, stolen)).toBeUndefined();
    expect(await handshake(server.ip, other)).toBeDefined();
    await mesh.xebec(['ca', 'unrevoke', serialNumber]);
    await until('every proxy knows', isTakenByAll, 10_000);
    expect(await handshake(server.ip, stolen)).toBeDefined();
    const { sent, failures } = await load.stop();
    expect(failures).toEqual({});
    expect(sent).toBeGreaterThan(10);
  }, 120_000);

  it('stays revoked while a file of lists is only half there, and people are told', async () => {
    const server = await mesh.pod('echo');
    const stolen = await credentialsOf(mesh, 'client');
    const { serialNumber } = new X509Certificate(stolen.certificatesPem);
    await mesh.xebec(['ca', 'revoke', serialNumber]);
    await until('every proxy knows', isTakenByAll, 10_000);
    const file = join(mesh.state, 'ca/ca-crl.pem');
    writeFileSync(file, 'half a file');
    await until('the problem is told', async () =>
      (await mesh.xebec(['logs', 'control-plane'])).stdout.includes('the revocation list is not intact PEM'),
    );
    expect(await handshake(server.ip, stolen)).toBeUndefined();
    expect(await handshake(server.ip, await credentialsOf(mesh, 'client'))).toBeDefined();
    rmSync(file);
    await until(
      'it can be given back',
      async () => (await mesh.xebec(['ca', 'unrevoke', serialNumber])).code === 0,
    );
  }, 120_000);
});

describe('[AU-9] an identity', () => {
  it('that is revoked calls nobody and hears of nothing new, until it is given back', async () => {
    const client = await mesh.pod('client');
    const call = async () => (await fetchText({ url: 'http://echo/', proxy: `${client.ip}:15001` })).status;
    const id = 'spiffe://cluster.local/ns/default/sa/client';
    expect(await call()).toBe(200);
    const revoked = await mesh.xebec(['ca', 'revoke', id]);
    expect(revoked.stdout).toMatch(/: \d+ certificates? revoked; the identity gets no other one\n$/);
    await until('its calls are refused', async () => (await call()) === 503, 10_000);
    const clients = async () =>
      listAt(await mesh.admin('/v1/proxies'), 'items').filter((item) =>
        textAt(item, 'client')?.includes('~client'),
      );
    await until('its discovery has ended', async () => (await clients()).length === 0, 10_000);
    await expect(credentialsOf(mesh, 'client')).rejects.toThrow(/certificate-denied/);
    await mesh.xebec(['ca', 'unrevoke', id]);
    await until('it calls again', async () => (await call()) === 200, 20_000);
  }, 120_000);
});
