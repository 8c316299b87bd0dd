// Two meshes that follow each other's bundle by its address: through a change of root, and with revocation lists of both.
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toYaml } from '@xebec/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { hasOpenssl, type OutsideAuthority, openOutsideAuthority } from './support/edge.ts';
import { freePort } from './support/free-port.ts';
import { handshake } from './support/handshake.ts';
import { fetchText, startLoad } from './support/http.ts';
import { credentialsOf } from './support/identity.ts';
import {
  at,
  listAt,
  type Mesh,
  type Pod,
  pidOf,
  repositoryFile,
  startMesh,
  textAt,
  until,
  xebec,
} from './support/mesh.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-bundles-'));
const meshes: Mesh[] = [];
let web: OutsideAuthority;
let east: Mesh;
let west: Mesh;
let echo: Pod;
let ports: { readonly east: number; readonly west: number };
let south: ControlPlaneProcess | undefined;

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

/** Whoever asks knows the authority of this web; on this machine nothing else is closed. */
const asks = ['--jwks-allow', '127.0.0.0/8'];
const refresh = ['--bundle-refresh', '1s'];

async function start(name: 'east' | 'west', workloads: readonly string[]): Promise<Mesh> {
  const folder = mkdtempSync(join(directory, name));
  writeFileSync(join(folder, 'xebec.local.yaml'), images);
  writeFileSync(join(folder, 'mesh.yaml'), workloads.map(workload).join('---'));
  const { cert, key } = web.issue(['IP:127.0.0.1']);
  const [certificate, keyFile] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  writeFileSync(certificate, cert);
  writeFileSync(keyFile, key);
  const mesh = await startMesh({
    paths: [folder],
    ingressPort: false,
    trustDomain: `${name}.example`,
    environment: { NODE_EXTRA_CA_CERTS: join(web.directory, 'root.crt') },
    flags: [
      ...['--bundle-endpoint', `127.0.0.1:${ports[name]}`, ...refresh, ...asks],
      ...['--bundle-certificate', certificate, '--bundle-key', keyFile],
    ],
  });
  meshes.push(mesh);
  return mesh;
}

beforeAll(async () => {
  if (!hasOpenssl) return;
  web = openOutsideAuthority('web');
  ports = { east: await freePort(), west: await freePort() };
  [east, west] = await Promise.all([start('east', ['client']), start('west', ['echo'])]);
  echo = await west.pod('echo');
}, 240_000);
afterAll(async () => {
  await Promise.all([south?.[Symbol.asyncDispose](), ...meshes.map((mesh) => mesh.stop())]);
  web?.[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

const apply = async (mesh: Mesh, yaml: string): Promise<void> => {
  const { code, stderr } = await mesh.apply(yaml);
  expect([code, stderr]).toEqual([0, expect.anything()]);
};
const settings = (caCertificates: readonly object[]): string =>
  toYaml({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { mesh: toYaml({ caCertificates }) },
  });
const byUrl = (name: 'east' | 'west'): object => ({
  trustDomains: [`${name}.example`],
  spiffeBundleUrl: `https://127.0.0.1:${ports[name]}/bundle`,
});

/** The east's word for a service of the west; every request is a handshake. */
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
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec:
  host: echo.west.example
  trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 1 } } }
`;

const strict = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict }
spec: { mtls: { mode: STRICT } }
`;

const request = async () => ({
  url: 'http://echo.west.example/',
  proxy: `${(await east.pod('client')).ip}:15001`,
});
const call = async (): Promise<number> => (await fetchText(await request())).status;
const letIn = async (mesh: Mesh): Promise<readonly unknown[]> =>
  listAt(await mesh.admin('/v1/ca'), 'federation', 'letIn');
const bundleAt = async (mesh: Mesh, name: string): Promise<unknown> =>
  listAt(await mesh.admin('/v1/ca'), 'federation', 'bundles').find(
    (bundle) => textAt(bundle, 'trustDomain') === `${name}.example`,
  );
const isTakenByAll = async (mesh: Mesh): Promise<boolean> =>
  listAt(await mesh.admin('/v1/ca'), 'workloads').every((each) => at(each, 'hasBundle') === true);

describe.skipIf(!hasOpenssl)('[AU-12] meshes that follow the bundles of each other (needs openssl)', () => {
  it('need each the address of the other, and nothing else', async () => {
    await apply(west, strict);
    await apply(east, entry());
    expect(await call()).toBe(503);
    await Promise.all([apply(west, settings([byUrl('east')])), apply(east, settings([byUrl('west')]))]);
    await until('the call is taken', async () => (await call()) === 200, 20_000);
    expect([await letIn(east), await letIn(west)]).toEqual([['west.example'], ['east.example']]);
    const status = await east.xebec(['ca', 'status']);
    expect(status.stdout).toMatch(/west\.example +let in +https:\/\/127\.0\.0\.1:\d+\/bundle, 1m ago/);
  });

  it('notice nothing of a root that one of them replaces', async () => {
    const before = at(await bundleAt(east, 'west'), 'sequence');
    const load = startLoad(await request(), 30);
    await west.xebec(['ca', 'rotate', '--stage', 'trust', '--no-wait']);
    expect((await west.xebec(['ca', 'status'])).stdout).toContain('waits for other meshes: they fetch');
    expect((await west.xebec(['ca', 'rotate', '--timeout', '90s'])).code).toBe(0);
    await until('the old root is gone here, too', async () => {
      const bundle = await bundleAt(east, 'west');
      return at(bundle, 'roots') === 1 && Number(at(bundle, 'sequence')) > Number(before);
    });
    await until('and in every proxy', () => isTakenByAll(east));
    const { sent, failures } = await load.stop();
    expect(failures).toEqual({});
    expect(sent).toBeGreaterThan(50);
    expect(await call()).toBe(200);
  }, 180_000);

  it('[F21] go on as before when one of them starts anew while the other is away', async () => {
    const asked = await request();
    const [away, old] = [pidOf(west, 'control-plane'), pidOf(east, 'control-plane')];
    process.kill(away, 'SIGSTOP');
    try {
      process.kill(old, 'SIGKILL');
      await until('another control plane', async () => {
        const isNew = pidOf(east, 'control-plane') !== old;
        return isNew && (await letIn(east).catch(() => [])).length === 1;
      });
      expect(await letIn(east)).toEqual(['west.example']);
      expect((await fetchText(asked)).status).toBe(200);
      await until('it knows its workloads again', async () => (await east.pods()).length > 0);
    } finally {
      process.kill(away, 'SIGCONT');
    }
    await until(
      'the bundle is fetched anew',
      async () => textAt(await bundleAt(east, 'west'), 'problem') === '',
      30_000,
    );
  }, 90_000);

  it('are told of a bundle that cannot be fetched', async () => {
    const gone = `https://127.0.0.1:${await freePort()}/bundle`;
    const entries = [byUrl('west'), { trustDomains: ['gone.example'], spiffeBundleUrl: gone }];
    await apply(east, settings(entries));
    await until('people are told', async () =>
      (await east.xebec(['status'])).stdout.includes('the bundle of gone.example could not be fetched'),
    );
    expect(await letIn(east)).toEqual(['west.example']);
    await apply(east, settings([byUrl('west')]));
    await until(
      'and not any more',
      async () => !(await east.xebec(['status'])).stdout.includes('gone.example'),
    );
  });
});

describe.skipIf(!hasOpenssl)('[AU-9] [AU-12] a certificate that one mesh revokes (needs openssl)', () => {
  it('is refused in the other, while everybody else is let in', async () => {
    const [stolen, other] = [await credentialsOf(east, 'client'), await credentialsOf(east, 'client')];
    expect(await handshake(echo.ip, stolen)).toBeDefined();
    const { serialNumber } = new X509Certificate(stolen.certificatesPem);
    const load = startLoad(await request(), 20);
    await east.xebec(['ca', 'revoke', serialNumber]);
    await until('the west knows', async () => (await handshake(echo.ip, stolen)) === undefined, 20_000);
    expect(await handshake(echo.ip, other)).toBeDefined();
    // Its own lists, too, let the other mesh in.
    const ofWest = await credentialsOf(west, 'echo');
    await west.xebec(['ca', 'revoke', new X509Certificate(ofWest.certificatesPem).serialNumber]);
    await until('all of the west know', () => isTakenByAll(west));
    expect(await handshake(echo.ip, ofWest)).toBeUndefined();
    expect(await handshake(echo.ip, other)).toBeDefined();
    const { failures } = await load.stop();
    expect(failures).toEqual({});
    expect([await letIn(east), await letIn(west)]).toEqual([['west.example'], ['east.example']]);
    await west.xebec(['ca', 'unrevoke', new X509Certificate(ofWest.certificatesPem).serialNumber]);
    await east.xebec(['ca', 'unrevoke', serialNumber]);
    await until('it is taken again', async () => (await handshake(echo.ip, stolen)) !== undefined, 20_000);
  }, 120_000);

  it('shuts out meshes that publish no lists, and says so', async () => {
    const pem = web.root;
    await apply(west, settings([byUrl('east'), { trustDomains: ['web.example'], pem }]));
    expect(await letIn(west)).toEqual(['east.example', 'web.example']);
    const mine = await credentialsOf(west, 'echo');
    const { serialNumber } = new X509Certificate(mine.certificatesPem);
    await west.xebec(['ca', 'revoke', serialNumber]);
    expect(await letIn(west)).toEqual(['east.example']);
    const { stdout } = await west.xebec(['status']);
    expect(stdout).toContain('[federation-suspended]');
    expect(stdout).toContain('nobody of web.example is let in');
    await west.xebec(['ca', 'unrevoke', serialNumber]);
    expect(await letIn(west)).toEqual(['east.example', 'web.example']);
  });
});

describe.skipIf(!hasOpenssl)('[AU-12] a mesh without a certificate of the web (needs openssl)', () => {
  it('proves itself with its own, by the newest roots that are known of it', async () => {
    const state = mkdtempSync(join(directory, 'south-'));
    south = await startControlPlane([
      ...['--state', state, '--trust-domain', 'south.example'],
      ...['--bundle-endpoint', '127.0.0.1:0', ...refresh],
    ]);
    const run = (...parameters: readonly string[]) => xebec([...parameters, '--state', state]);
    const spiffeBundleUrl = `https://${south.address('bundle')}/`;
    const follow = async (id: string): Promise<void> => {
      const pem = (await run('ca', 'bundle', '-o', 'pem')).stdout;
      const first = { trustDomains: ['south.example'], spiffeBundleUrl, spiffeEndpointId: id, pem };
      await apply(west, settings([byUrl('east'), first]));
    };
    await follow('spiffe://south.example/ns/istio-system/sa/somebody');
    await until('another identity is not taken', async () =>
      (textAt(await bundleAt(west, 'south'), 'problem') ?? '').includes(
        'who answers is spiffe://south.example/',
      ),
    );
    await follow('spiffe://south.example/ns/istio-system/sa/istiod');
    await until('it is fetched', async () => at(await bundleAt(west, 'south'), 'roots') === 1);
    const old = at(await bundleAt(west, 'south'), 'sequence');
    expect((await run('ca', 'rotate', '--timeout', '60s')).code).toBe(0);
    await until('the new root is known, by itself', async () => {
      const bundle = await bundleAt(west, 'south');
      return (
        at(bundle, 'roots') === 1 &&
        Number(at(bundle, 'sequence')) > Number(old) &&
        at(bundle, 'problem') === ''
      );
    });
  }, 120_000);
});
