// Two meshes with a trust domain and a root each, that believe one another about their own workloads and nobody else's.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { toYaml } from '@xebec/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasOpenssl, type OutsideAuthority, openOutsideAuthority, type Pair } from './support/edge.ts';
import { fetchText } from './support/http.ts';
import { type Mesh, type Pod, repositoryFile, startMesh, until } from './support/mesh.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-federation-'));
const meshes: Mesh[] = [];
let east: Mesh;
let west: Mesh;
let echo: Pod;
let rogue: OutsideAuthority;
/** A workload's certificate in all but who signed it. */
const forged = (names: readonly string[]): Pair => rogue.issue(names, { keyUsage: 'digitalSignature' });

const images = toYaml({
  apiVersion: 'local.xebec.io/v1alpha1',
  kind: 'LocalImages',
  images: [{ image: 'xebec.test/echo:1', command: ['node', repositoryFile('tests/e2e/apps/echo/echo.mjs')] }],
});

const workload = (name: string): string => `
apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name} }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}
      containers:
      - name: ${name}
        image: xebec.test/echo:1
        ports: [{ containerPort: 8080 }]
        readinessProbe: { httpGet: { path: /ready, port: 8080 }, periodSeconds: 1 }
`;

async function start(name: string, workloads: readonly string[]): Promise<Mesh> {
  const folder = mkdtempSync(join(directory, name));
  writeFileSync(join(folder, 'xebec.local.yaml'), images);
  writeFileSync(join(folder, 'mesh.yaml'), workloads.map(workload).join('---'));
  const mesh = await startMesh({ paths: [folder], ingressPort: false, trustDomain: `${name}.example` });
  meshes.push(mesh);
  return mesh;
}

beforeAll(async () => {
  rogue = openOutsideAuthority('rogue');
  [east, west] = await Promise.all([start('east', ['client', 'stranger']), start('west', ['echo'])]);
  echo = await west.pod('echo');
}, 240_000);
afterAll(async () => {
  await Promise.all(meshes.map((mesh) => mesh.stop()));
  rogue?.[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

const apply = async (mesh: Mesh, yaml: string): Promise<void> => {
  const { code, stderr } = await mesh.apply(yaml);
  expect([code, stderr]).toEqual([0, expect.anything()]);
};
const settings = (text: string): string =>
  toYaml({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { mesh: text },
  });
const bundleOf = async (mesh: Mesh, ...format: readonly string[]): Promise<string> =>
  (await mesh.xebec(['ca', 'bundle', ...format])).stdout;

/** The east's word for a service of the west. */
const entry = (): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: echo }
spec:
  hosts: [echo.west.example]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 8080 }]
  subjectAltNames: ["spiffe://west.example/ns/default/sa/echo"]
  endpoints: [{ address: ${echo.ip}, labels: { security.istio.io/tlsMode: istio } }]
`;

const call = async (from: string): Promise<number> => {
  const { ip } = await east.pod(from);
  return (await fetchText({ url: 'http://echo.west.example/', proxy: `${ip}:15001` })).status;
};

/** Whether the server in the west takes this certificate: the status of an answer, or that there is none. */
function knock({ cert, key }: Pair): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls(
      {
        host: echo.ip,
        port: 8080,
        cert,
        key,
        rejectUnauthorized: false,
        ALPNProtocols: ['istio', 'h2', 'http/1.1'],
      },
      () => socket.write('GET / HTTP/1.1\r\nhost: echo\r\nconnection: close\r\n\r\n'),
    );
    let text = '';
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on('data', (part: Buffer) => {
      text += part.toString();
    });
    socket
      .on('error', () => undefined)
      .on('close', () => resolve(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'refused'));
  });
}

describe('[AU-12] meshes of two trust domains', () => {
  it('do not believe each other unasked', async () => {
    await apply(
      west,
      `apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: { name: strict }\nspec: { mtls: { mode: STRICT } }\n`,
    );
    await apply(east, entry());
    expect(await call('client')).toBe(503);
  });

  it('believe each other about their own workloads once each has the bundle of the other', async () => {
    const [ofEast, ofWest] = await Promise.all([bundleOf(east), bundleOf(west)]);
    expect(ofEast).toContain('east.example');
    await apply(west, settings(ofEast));
    await apply(east, settings(ofWest));
    await until('the call is taken', async () => (await call('client')) === 200);
  });

  it('policies name identities of the other trust domain', async () => {
    await apply(
      west,
      `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: only-client }
spec:
  selector: { matchLabels: { app: echo } }
  rules: [{ from: [{ source: { principals: [east.example/ns/default/sa/client] } }] }]
`,
    );
    await until('it holds', async () => (await call('stranger')) === 403);
    expect(await call('client')).toBe(200);
  });
});

describe.skipIf(!hasOpenssl)(
  '[AU-12] [RELIABILITY B12] a root proves its own trust domain alone (needs openssl)',
  () => {
    const client = 'spiffe://%/ns/default/sa/client';
    const asWho = (domain: string): string => `URI:${client.replace('%', domain)}`;

    it('nobody is proven by a root that nobody wrote', async () => {
      for (const domain of ['east.example', 'west.example', 'rogue.example'])
        expect([domain, await knock(forged([asWho(domain)]))]).toEqual([domain, 'refused']);
    });

    it('a federated root proves neither this mesh nor a third one', async () => {
      const pem = await bundleOf(east, '-o', 'pem');
      await apply(
        west,
        settings(
          toYaml({
            caCertificates: [
              { trustDomains: ['east.example'], pem },
              { trustDomains: ['rogue.example'], pem: rogue.root },
            ],
          }),
        ),
      );
      const policy = 'principals: [rogue.example/ns/default/sa/client]';
      await apply(
        west,
        `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: only-client }
spec:
  selector: { matchLabels: { app: echo } }
  rules:
  - from: [{ source: { ${policy} } }]
  - from: [{ source: { principals: ["*"] } }]
`,
      );
      await until(
        'the third mesh is let in',
        async () => (await knock(forged([asWho('rogue.example')]))) === '200',
      );
      for (const domain of ['east.example', 'west.example', 'other.example', 'rogue.example.evil'])
        expect([domain, await knock(forged([asWho(domain)]))]).toEqual([domain, 'refused']);
      // Proxies ask whether any name fits, so that a name more is a name stolen.
      const stolen = `${client.replace('%', 'west.example')}`;
      for (const more of [`URI:${stolen}`, `DNS:${stolen}`, 'DNS:echo', asWho('east.example')])
        for (const names of [
          [asWho('rogue.example'), more],
          [more, asWho('rogue.example')],
        ])
          expect([names, await knock(forged(names))]).toEqual([names, 'refused']);
      expect(await knock(forged(['DNS:echo']))).toBe('refused');
      expect(await call('client')).toBe(200);
    });

    it('whoever is no longer written is let in no more', async () => {
      await apply(west, settings(await bundleOf(east)));
      await until(
        'the third mesh is out',
        async () => (await knock(forged([asWho('rogue.example')]))) === 'refused',
      );
      expect(await call('client')).toBe(200);
      await apply(west, settings(''));
      await until('and the second', async () => (await call('client')) === 503);
    });
  },
);
