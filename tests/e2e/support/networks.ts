// A mesh of two networks, east and west, each with a gateway to it: a client and a stranger in the east, a server in the west.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toYaml } from '@xebec/config';
import { envoyAdmin } from './envoy-admin.ts';
import { freePort } from './free-port.ts';
import { type Mesh, repositoryFile, startMesh, until } from './mesh.ts';

export const networks = ['east', 'west'] as const;
export type NetworkName = (typeof networks)[number];

export interface NetworkMesh {
  readonly mesh: Mesh;
  /** Where the gateway into a network listens on this machine. */
  readonly gatewayPorts: Readonly<Record<NetworkName, number>>;
  /** Lines of a Pod's access log, as JSON. */
  log(pod: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Waits for a line of a Pod's access log. */
  untilLogged(
    pod: string,
    what: Readonly<Record<string, unknown>>,
  ): Promise<Readonly<Record<string, unknown>>>;
  /** One statistic of a Pod's proxy; 0 where it has none of this name. */
  counter(pod: string, name: string): Promise<number>;
  apply(yaml: string): Promise<void>;
  stop(): Promise<void>;
}

const networkLabel = 'topology.istio.io/network';

/** `NAME-NETWORK`, with an identity named after it. */
export const deployment = (name: string, network: NetworkName, replicas = 1): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}-${network} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name}, place: ${network} } }
  template:
    metadata:
      labels: { app: ${name}, place: ${network}, ${networkLabel}: ${network}, istio-locality: ${network}.one }
    spec:
      serviceAccountName: ${name}
      containers:
      - name: ${name}
        image: xebec.test/echo:1
        ports: [{ containerPort: 8080 }, { containerPort: 8081 }, { containerPort: 50051 }, { containerPort: 9000 }]
        readinessProbe: { httpGet: { path: /ready, port: 8080 }, periodSeconds: 1 }
`;

const accounts = ['client', 'stranger', 'echo'].map(
  (name) => `apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: ${name} }\n`,
);

const echo = `
apiVersion: v1
kind: Service
metadata: { name: echo }
spec:
  selector: { app: echo }
  ports:
  - { name: http, port: 80, targetPort: 8080 }
  - { name: grpc, port: 50051 }
  - { name: tcp-echo, port: 9000 }
`;

const settings = `
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "accessLogEncoding: JSON" }
`;

/** An address of this machine and the ports there, where workloads cannot reach the gateways' own address. */
export interface GatewayPlace {
  readonly address: string;
  readonly ports: Readonly<Record<NetworkName, number>>;
}

/** What makes the two gateways those of their networks. */
export const gatewayObjects = (place?: GatewayPlace): string =>
  networks
    .map(
      (network) => `
apiVersion: v1
kind: Service
metadata:
  name: ${network}-gateway
  namespace: istio-system
  labels: { ${networkLabel}: ${network}${place === undefined ? '' : `, networking.istio.io/gatewayPort: "${place.ports[network]}"`} }
spec:
  selector: { istio: ${network}-gateway }
  ports: [{ name: tls, port: 15443 }]${place === undefined ? '' : `\n  externalIPs: [${place.address}]`}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${network}, namespace: istio-system }
spec:
  selector: { istio: ${network}-gateway }
  servers:
  - port: { number: 15443, name: tls, protocol: TLS }
    hosts: ["*.local"]
    tls: { mode: AUTO_PASSTHROUGH }${place === undefined ? '' : `\n    bind: ${place.address}`}
`,
    )
    .join('---\n');

export interface NetworkMeshOptions {
  readonly capture?: 'explicit' | 'transparent';
}

export async function startNetworkMesh({
  capture = 'explicit',
}: NetworkMeshOptions = {}): Promise<NetworkMesh> {
  const directory = mkdtempSync(join(tmpdir(), 'xb-networks-'));
  const gatewayPorts = { east: await freePort(), west: await freePort() };
  const local = {
    apiVersion: 'local.xebec.io/v1alpha1',
    kind: 'LocalImages',
    images: [
      { image: 'xebec.test/echo:1', command: ['node', repositoryFile('tests/e2e/apps/echo/echo.mjs')] },
    ],
    gateways: networks.map((network) => ({
      name: `${network}-gateway`,
      labels: { istio: `${network}-gateway`, [networkLabel]: network },
      ports: [{ name: 'tls', port: 15443, hostPort: gatewayPorts[network] }],
    })),
  };
  writeFileSync(join(directory, 'xebec.local.yaml'), toYaml(local));
  const workloads = [
    deployment('client', 'east'),
    deployment('stranger', 'east'),
    deployment('echo', 'west'),
  ];
  const gateways = capture === 'explicit' ? [gatewayObjects()] : [];
  const objects = [settings, ...accounts, echo, ...workloads, ...gateways].join('---\n');
  writeFileSync(join(directory, 'mesh.yaml'), objects);
  const mesh = await startMesh({ paths: [directory], ingressPort: false, capture });
  const log: NetworkMesh['log'] = async (pod) =>
    readFileSync(join(mesh.state, 'logs', (await mesh.pod(pod)).name, 'access.log'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line): Readonly<Record<string, unknown>> => JSON.parse(line));
  return {
    mesh,
    gatewayPorts,
    log,
    untilLogged: (pod, what) =>
      until(`${pod} logs ${JSON.stringify(what)}`, async () =>
        (await log(pod)).find((line) => Object.entries(what).every(([key, value]) => line[key] === value)),
      ),
    async counter(pod, name) {
      const { name: full } = await mesh.pod(pod);
      const stats = await envoyAdmin(mesh, full, `/stats?filter=^${name.replaceAll(/[.|]/g, '\\$&')}$`);
      return Number(/: (\d+)$/m.exec(stats)?.[1] ?? 0);
    },
    async apply(yaml) {
      const applied = await mesh.apply(yaml);
      if (applied.code !== 0) throw new Error(applied.stderr);
    },
    async stop() {
      await mesh.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The server of both networks takes the client alone, and mutual TLS alone. */
export const onlyClient = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: only-client }
spec:
  selector: { matchLabels: { app: echo } }
  rules: [{ from: [{ source: { serviceAccounts: [client] } }] }]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict }
spec: { mtls: { mode: STRICT } }
`;
