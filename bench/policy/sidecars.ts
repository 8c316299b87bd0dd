// One client and one server for each way to enforce policy, each with a real sidecar, all before one application.
import { startApp } from '../data-plane/app-process.ts';
import type { RunningEnvoy } from '../envoys/envoy-process.ts';
import { startMeshSidecar } from '../envoys/mesh-sidecar.ts';
import { type Destination, keepAliveAgent, timeRequest } from '../envoys/requests.ts';
import { workloadDocuments } from '../envoys/workload-manifests.ts';
import { until } from '../measure/clock.ts';
import type { PolicyMesh } from './policy-mesh.ts';
import { policyNamespace, type Variant, variants } from './rules.ts';

const clientAddress = '127.30.5.1';
const appAddress = '127.30.6.1';
const proxyPort = 15_001;

const serverAddress = (variant: Variant): string => `127.30.5.${10 + variants.indexOf(variant)}`;
/** `slow` has no sidecar: only its reports are played. */
const addressOf = (name: string): string => (name === 'client' ? clientAddress : '127.30.5.2');
const hostOf = (name: string): string => `${name}.bench.example`;

export interface BenchApp {
  readonly port: number;
  close(): void;
}

export const startBenchApp = (): Promise<BenchApp> => startApp(appAddress);

export const workloadsOf = (port: number): readonly string[] =>
  ['client', 'slow', ...variants].map((name) => {
    const variant = variants.find((each) => each === name);
    return workloadDocuments({
      ...{ name, namespace: policyNamespace, serviceAccount: name, port, host: hostOf(name) },
      address: variant === undefined ? addressOf(name) : serverAddress(variant),
    });
  });

export interface Sidecars {
  readonly client: RunningEnvoy;
  readonly servers: ReadonlyMap<Variant, RunningEnvoy>;
  destination(variant: Variant): Destination;
}

export interface SidecarsOptions {
  readonly envoyPath: string;
  readonly workDirectory: string;
  readonly mesh: PolicyMesh;
  readonly appPort: number;
  readonly closing: (() => unknown)[];
}

const readyMs = 60_000;

export async function startSidecars(options: SidecarsOptions): Promise<Sidecars> {
  const { mesh, appPort } = options;
  const start = async (name: string, address: string): Promise<RunningEnvoy> =>
    startMeshSidecar({
      ...options,
      xds: mesh.xds,
      identity: await mesh.issue(policyNamespace, name),
      sidecar: { name, namespace: policyNamespace, address, applicationAddress: appAddress },
    });
  const servers = new Map<Variant, RunningEnvoy>();
  for (const variant of variants) servers.set(variant, await start(variant, serverAddress(variant)));
  const client = await start('client', clientAddress);
  for (const [variant, envoy] of servers) await envoy.ready(`${serverAddress(variant)}_${appPort}`, readyMs);
  await client.ready(`${clientAddress}_${proxyPort}`, readyMs);
  const destination = (variant: Variant): Destination => ({
    address: clientAddress,
    port: proxyPort,
    host: `${hostOf(variant)}:${appPort}`,
  });
  await firstRequests(variants.map(destination));
  return { client, servers, destination };
}

/** Clusters come with the first request. */
async function firstRequests(destinations: readonly Destination[]): Promise<void> {
  const agent = keepAliveAgent(1);
  try {
    for (const to of destinations) {
      let problem = '';
      const works = (): Promise<boolean> =>
        timeRequest(to, agent).then(
          () => true,
          (error: unknown) => {
            problem = String(error);
            return false;
          },
        );
      if (!(await until(works, readyMs, 100))) throw new Error(`${to.host} does not answer: ${problem}`);
    }
  } finally {
    agent.destroy();
  }
}
