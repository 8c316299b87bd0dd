// Hosts that nothing in the mesh names: passed through or blocked, as the mesh's own ConfigMap says, while it runs.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationsOf } from './support/applications.ts';
import { fetchText } from './support/http.ts';
import { runInside } from './support/inside.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { transparentCaptureReason } from './support/privilege.ts';

const settings = (mesh: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
${mesh.replace(/^/gm, '    ')}
`;

async function apply(mesh: Mesh, yaml: string): Promise<void> {
  const applied = await mesh.apply(yaml);
  expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
}

describe('explicit capture', () => {
  let mesh: Mesh;
  beforeAll(async () => {
    mesh = await startMesh();
  }, 240_000);
  afterAll(async () => {
    await mesh?.stop();
  });
  const call = async (url: string) =>
    fetchText({ url, proxy: `${(await mesh.pod('productpage')).ip}:15001` });

  it('[DP-19] REGISTRY_ONLY blocks unknown hosts, and lets known ones through', async () => {
    expect((await call('http://unknown.example/')).status).toBe(404);
    await apply(mesh, settings('outboundTrafficPolicy: { mode: REGISTRY_ONLY }'));
    await until('it is blocked', async () => (await call('http://unknown.example/')).status === 502);
    expect((await call('http://other.example/')).status).toBe(502);
    expect((await call('http://details:9080/details/0')).status).toBe(200);
  });

  it('[MG-8] the access log has the format of the mesh', async () => {
    await apply(mesh, settings(`accessLogEncoding: JSON\naccessLogFormat: '{"only": "%REQ(USER-AGENT)%"}'`));
    const { ip, name } = await mesh.pod('productpage');
    const call = { url: 'http://details:9080/details/0', proxy: `${ip}:15001` };
    await until('a line', async () => {
      await fetchText({ ...call, headers: { 'user-agent': 'format' } });
      return readFileSync(join(mesh.state, 'logs', name, 'access.log'), 'utf8').includes('{"only":"format"}');
    });
  });

  it('says what is wrong inside the settings', async () => {
    const applied = await mesh.apply(settings('connectTimeout: soon'));
    expect(applied.code).not.toBe(0);
    expect(applied.stderr).toContain('connectTimeout: "soon" is not a duration');
  });
});

const reason = await transparentCaptureReason();
const title = `transparent capture${reason === undefined ? '' : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, () => {
  let mesh: Mesh;
  let pid: number;
  beforeAll(async () => {
    mesh = await startMesh({ capture: 'transparent', paths: [repositoryFile('tests/e2e/apps/echo')] });
    const { name } = await mesh.pod('client');
    pid = Number.parseInt(applicationsOf(await mesh.pods())[name] ?? '', 10);
  }, 240_000);
  afterAll(async () => {
    await mesh?.stop();
  });

  /** An address of this machine that the workload's network can reach, and that is not in the mesh. */
  async function outside() {
    const server = createServer((request, response) => response.end(`outside ${request.headers.host}`));
    await new Promise<void>((resolve) => {
      server.listen(0, '0.0.0.0', resolve);
    });
    const { port } = server.address() as { port: number };
    const address = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
    return { server, port, address };
  }

  it('[DP-19] ALLOW_ANY passes unknown hosts on to where the client was going; REGISTRY_ONLY blocks them', async () => {
    const { server, port, address } = await outside();
    try {
      const fetching = `
        import { request } from 'node:http';
        const call = request({ host: ${JSON.stringify(address)}, port: ${port}, headers: { host: 'unknown.example' } },
          (answer) => { let body = ''; answer.on('data', (part) => { body += part; });
            answer.on('end', () => console.log(JSON.stringify({ status: answer.statusCode, body }))); });
        call.on('error', ({ code }) => console.log(JSON.stringify({ error: code }))).end();
      `;
      const ask = async (): Promise<unknown> => JSON.parse(await runInside(pid, fetching));
      const httpPort = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: same-port }
spec:
  hosts: [known.example]
  ports: [{ number: ${port}, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;
      expect(await ask()).toEqual({ status: 200, body: 'outside unknown.example' });
      // From now on the port speaks HTTP in this mesh, and a host is looked for.
      await apply(mesh, httpPort);
      expect(await ask()).toEqual({ status: 200, body: 'outside unknown.example' });
      await apply(mesh, settings('outboundTrafficPolicy: { mode: REGISTRY_ONLY }'));
      await until('it is blocked', async () => JSON.stringify(await ask()).includes('502'));
      await apply(mesh, settings('outboundTrafficPolicy: { mode: ALLOW_ANY }'));
      await until('it passes', async () => JSON.stringify(await ask()).includes('outside unknown.example'));
    } finally {
      server.close();
    }
  });
});
