// What one real sidecar costs when many services are known and five are used, on demand and eager.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeMesh } from '../generate/mesh-directory.ts';
import { hostOf } from '../generate/naming.ts';
import { pause, until } from '../measure/clock.ts';
import { type Summary, summarize } from '../measure/statistics.ts';
import { canConnect } from '../servers/connect.ts';
import { startServer } from '../servers/server-process.ts';
import { xebecCommand } from '../servers/xebec.ts';
import { encodeBootstrap, type SidecarIdentity } from './bootstrap.ts';
import { type RunningEnvoy, startEnvoy } from './envoy-process.ts';
import { openIdentities } from './identities.ts';
import { type Backend, keepAliveAgent, startBackend, timeRequest } from './requests.ts';
import { startSecretsServer } from './secrets-server.ts';
import { workloadDocuments } from './workload-manifests.ts';

export interface EnvoyResult {
  readonly services: number;
  readonly discovery: 'on-demand' | 'eager';
  readonly readyMs: number;
  /** From its start until it is ready and has used its five services, and all is quiet. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  /** CPU of two quiet seconds, as a share of one core. */
  readonly idleShare: number;
  readonly clusters: number;
  /** Milliseconds of the first request to a service that the sidecar never used. */
  readonly firstRequest: Summary;
  readonly laterRequest: Summary;
}

export interface EnvoyRun {
  readonly envoyPath: string;
  readonly program: string;
  readonly workDirectory: string;
  readonly sizes: readonly number[];
  readonly onProgress: (what: string) => void;
}

interface Secrets {
  readonly secretsSocket: string;
}

const usedServices = [0, 1, 2, 3, 4];
const newServices = Array.from({ length: 20 }, (_, i) => 5 + i);
const backendAddresses = ['127.31.0.1', '127.31.0.2', '127.31.0.3', '127.31.0.4', '127.31.0.5'];
const proxyPort = 15_001;
const readyLimitMs = 120_000;

export async function measureEnvoys(run: EnvoyRun): Promise<readonly EnvoyResult[]> {
  const backend = await startBackend(backendAddresses);
  const secretsSocket = join(run.workDirectory, 'secrets.sock');
  const identity = await openIdentities(run.workDirectory).issue('ns-0', 'default');
  const secrets = await startSecretsServer(secretsSocket, identity);
  const results: EnvoyResult[] = [];
  try {
    for (const services of run.sizes)
      results.push(...(await measureSize({ ...run, secretsSocket }, services, backend)));
  } finally {
    secrets.close();
    backend.close();
  }
  return results;
}

async function measureSize(
  run: EnvoyRun & Secrets,
  services: number,
  backend: Backend,
): Promise<EnvoyResult[]> {
  const { onProgress, program } = run;
  const workDirectory = join(run.workDirectory, `envoys-${services}`);
  mkdirSync(workDirectory, { recursive: true });
  const config = join(workDirectory, 'config');
  const backed = new Set([...usedServices, ...newServices]);
  const backing = { services: backed, addresses: backendAddresses, port: backend.port };
  writeMesh({ directory: config, services, layout: 'namespace', backing });
  const files = [sidecarOf(services, 'on-demand'), sidecarOf(services, 'eager')].map((sidecar) =>
    workloadDocuments({ ...sidecar, host: `${sidecar.name}.${sidecar.namespace}.example`, port: 8080 }),
  );
  writeFileSync(join(config, 'sidecars.yaml'), files.join('---\n'));
  const command = await xebecCommand({ config, workDirectory, program });
  const server = startServer(command);
  const results: EnvoyResult[] = [];
  try {
    if (!(await until(() => canConnect(command.address), 60_000, 50)))
      throw new Error(server.problem() ?? 'the control plane did not start');
    for (const discovery of ['on-demand', 'eager'] as const) {
      onProgress(`one Envoy, ${services} services known, ${discovery}`);
      results.push(
        await measureOne({ ...run, workDirectory }, { services, discovery, xds: command.address }),
      );
    }
  } finally {
    await server.stop();
  }
  return results;
}

interface Case {
  readonly services: number;
  readonly discovery: 'on-demand' | 'eager';
  readonly xds: string;
}

/** Every Envoy of a run has an address of its own, so none meets the sockets of one before. */
function sidecarOf(services: number, discovery: 'on-demand' | 'eager'): SidecarIdentity {
  const address = `127.30.${discovery === 'eager' ? 1 : 0}.${1 + (services % 251)}`;
  const name = `app-${discovery}`;
  return {
    ...{ address, name, discovery },
    ...{ namespace: 'ns-0', labels: { app: name }, serviceAccount: 'default', applicationAddress: address },
  };
}

async function measureOne(run: EnvoyRun & Secrets, { services, discovery, xds }: Case): Promise<EnvoyResult> {
  const sidecar = sidecarOf(services, discovery);
  const { address, name } = sidecar;
  const envoy = startEnvoy({
    path: run.envoyPath,
    name,
    workDirectory: run.workDirectory,
    bootstrap: (adminSocket) =>
      encodeBootstrap({ sidecar, adminSocket, secretsSocket: run.secretsSocket, xdsAddress: xds }),
  });
  try {
    const readyMs = await envoy.ready(`${address}_${proxyPort}`, readyLimitMs);
    return { services, discovery, readyMs, ...(await use(envoy, address)) };
  } finally {
    await envoy.stop();
  }
}

async function use(
  envoy: RunningEnvoy,
  address: string,
): Promise<Omit<EnvoyResult, 'services' | 'discovery' | 'readyMs'>> {
  const agent = keepAliveAgent(1);
  const ask = (service: number): Promise<number> =>
    timeRequest({ address, port: proxyPort, host: hostOf(service) }, agent);
  try {
    for (const service of usedServices) await ask(service);
    await pause(1_000);
    const usage = envoy.usage();
    const clusters = countClusters(await envoy.admin('/clusters'));
    const idle = envoy.usage();
    await pause(2_000);
    const idleShare = (envoy.usage().cpuSeconds - idle.cpuSeconds) / 2;
    const first: number[] = [];
    for (const service of newServices) first.push(await ask(service));
    const later: number[] = [];
    for (let round = 0; round < 5; round++) {
      for (const service of newServices) later.push(await ask(service));
    }
    const { cpuSeconds, rssBytes } = usage;
    return {
      ...{ cpuSeconds, rssBytes, idleShare, clusters },
      ...{ firstRequest: summarize(first), laterRequest: summarize(later) },
    };
  } finally {
    agent.destroy();
  }
}

/** Names before the first `::` of each line. */
const countClusters = (text: string): number =>
  new Set(text.split('\n').flatMap((line) => (line.includes('::') ? [line.split('::')[0]] : []))).size;
