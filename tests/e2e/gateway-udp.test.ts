// Datagrams from outside of the mesh: in at a gateway, on in mutual TLS, answered, counted, and closed by policy.
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toYaml } from '@xebec/config';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { envoyAdmin } from './support/envoy-admin.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { askOnce, udpClient } from './support/udp.ts';

let mesh: Mesh;
let place: string;
const directory = mkdtempSync(join(tmpdir(), 'xb-gateway-udp-'));

const gateway = {
  apiVersion: 'local.xebec.io/v1alpha1',
  kind: 'LocalImages',
  images: [],
};

const objects = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: edge }
  servers: [{ port: { number: 5300, name: udp, protocol: UDP }, hosts: ["*"] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge }
spec:
  hosts: ["*"]
  gateways: [edge]
  tcp: [{ route: [{ destination: { host: echo, port: { number: 9000 } } }] }]
`;
const policy = (mode: string): string => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default }
spec: { mtls: { mode: ${mode} } }
`;

beforeAll(async () => {
  const port = await freePort();
  place = `127.0.0.1:${port}`;
  const ports = [{ name: 'udp', port: 5300, hostPort: port }];
  const gateways = [{ name: 'edge', labels: { istio: 'edge' }, ports }];
  writeFileSync(join(directory, 'gateway.yaml'), toYaml({ ...gateway, gateways }));
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/udp'), directory], ingressPort: false });
  await apply(`${objects}---${policy('STRICT')}`);
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function apply(yaml: string): Promise<void> {
  const { code, stderr } = await mesh.apply(yaml);
  expect([code, stderr]).toEqual([0, expect.anything()]);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

it('[AU-10] datagrams come in, and go on in mutual TLS where STRICT asks for it', async () => {
  await until('an answer', async () => (await askOnce(place)) !== undefined);
  using client = await udpClient(place);
  for (let count = 0; count < 50; count += 1) expect(await client.ask(`datagram ${count}`)).toBeDefined();
  const { name } = await mesh.pod('edge');
  const handshakes = await envoyAdmin(mesh, name, '/stats?filter=outbound.udp.*ssl.handshake');
  expect(handshakes).toMatch(/outbound-udp\|9000\|\|echo\.default.*: [1-9]/);
});

it('[AU-10] a policy for the gateway closes the port: a datagram cannot say who sent it', async () => {
  await apply(`
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: edge, namespace: istio-system }
spec:
  selector: { matchLabels: { istio: edge } }
  action: DENY
  rules: [{ from: [{ source: { ipBlocks: [203.0.113.0/24] } }] }]
`);
  await until('nobody answers', async () => (await askOnce(place, 'who', 300)) === undefined);
});
