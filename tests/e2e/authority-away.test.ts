// The control plane is away beyond the renewal of every certificate, and back before they end: nobody notices, and all are renewed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText, startLoad } from './support/http.ts';
import { at, listAt, type Mesh, pidOf, repositoryFile, startMesh, until } from './support/mesh.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')], certificateTtl: '30s' });
  // Every request is a handshake.
  await mesh.apply(`apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo}
spec:
  host: echo
  trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}
`);
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const ends = async (): Promise<readonly number[]> =>
  listAt(await mesh.admin('/v1/ca'), 'workloads').map((each) => Number(at(each, 'notAfter')));

describe('[AU-4] an authority that is away', () => {
  it('past the renewal of every certificate costs no request, and everybody catches up', async () => {
    const client = await mesh.pod('client');
    await until('everybody tells', async () => (await ends()).length >= 3);
    const call = { url: 'http://echo/', proxy: `${client.ip}:15001` };
    // What nobody has asked for yet cannot be had while the control plane is away.
    await until('calls are answered', async () => (await fetchText(call)).status === 200);
    const load = startLoad(call, 30);
    const before = await until(
      'all certificates are young',
      async () => {
        const now = await ends();
        return Math.min(...now) - Date.now() > 19_000 && now;
      },
      40_000,
    );
    const pid = pidOf(mesh, 'control-plane');
    process.kill(pid, 'SIGSTOP');
    // Renewal is at half of the life; after this, all of it but the last seconds has passed.
    const back = Math.min(...before) - 5_000;
    await until('renewal is long overdue', async () => Date.now() > back, 60_000);
    process.kill(pid, 'SIGCONT');
    await until(
      'everybody has a new one',
      async () => (await ends()).length >= 3 && Math.min(...(await ends())) > Math.max(...before),
    );
    const { sent, failures } = await load.stop();
    expect(failures).toEqual({});
    expect(sent).toBeGreaterThan(200);
  }, 180_000);
});
