// Two sidecars as the real control plane configures them: mutual TLS, access log, metrics, everything that users get.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeBootstrap, type SidecarIdentity } from '../envoys/bootstrap.ts';
import { type RunningEnvoy, startEnvoy } from '../envoys/envoy-process.ts';
import type { Identities } from '../envoys/identities.ts';
import { startSecretsServer } from '../envoys/secrets-server.ts';
import { workloadDocuments } from '../envoys/workload-manifests.ts';
import { meshPolicy } from '../generate/manifests.ts';
import { until } from '../measure/clock.ts';
import { canConnect } from '../servers/connect.ts';
import { startServer } from '../servers/server-process.ts';
import { xebecCommand } from '../servers/xebec.ts';
import type { Pair } from './pair.ts';

export interface MeshPairOptions {
  readonly envoyPath: string;
  readonly program: string;
  readonly workDirectory: string;
  readonly identities: Identities;
  readonly app: { readonly address: string; readonly port: number };
}

const namespace = 'bench';
const host = 'echo.bench.example';
const addresses = { client: '127.30.2.1', echo: '127.30.2.2' } as const;
const proxyPort = 15_001;

export async function startMeshPair(options: MeshPairOptions): Promise<Pair> {
  const { program, workDirectory, app } = options;
  const config = join(workDirectory, 'mesh-config');
  mkdirSync(config, { recursive: true });
  const documents = (['client', 'echo'] as const).map((name) =>
    workloadDocuments({
      ...{ name, namespace, serviceAccount: name, address: addresses[name], port: app.port },
      host: name === 'echo' ? host : `${name}.bench.example`,
    }),
  );
  writeFileSync(join(config, 'mesh.yaml'), [...documents, meshPolicy('STRICT')].join('---\n'));
  const closing: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.reverse()) await step();
  };
  try {
    const command = await xebecCommand({ config, workDirectory, program });
    const server = startServer(command);
    closing.push(() => server.stop());
    if (!(await until(() => canConnect(command.address), 60_000, 50)))
      throw new Error(server.problem() ?? 'the control plane did not start');
    const echo = await startSidecar(options, { name: 'echo', xds: command.address, closing });
    await echo.ready(`${addresses.echo}_${app.port}`, 30_000);
    const client = await startSidecar(options, { name: 'client', xds: command.address, closing });
    await client.ready(`${addresses.client}_${proxyPort}`, 30_000);
    const to = { address: addresses.client, port: proxyPort, host: `${host}:${app.port}` };
    return { name: 'xebec sidecars', to, envoys: [client, echo], close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startSidecar(
  options: MeshPairOptions,
  of: { readonly name: 'client' | 'echo'; readonly xds: string; readonly closing: (() => unknown)[] },
): Promise<RunningEnvoy> {
  const { workDirectory, envoyPath, identities, app } = options;
  const { name } = of;
  const secretsSocket = join(workDirectory, `${name}-secrets.sock`);
  const secrets = await startSecretsServer(secretsSocket, await identities.issue(namespace, name));
  of.closing.push(() => secrets.close());
  const sidecar: SidecarIdentity = {
    ...{ name, namespace, serviceAccount: name, address: addresses[name] },
    ...{ labels: { app: name }, discovery: 'on-demand', applicationAddress: app.address },
  };
  const envoy = startEnvoy({
    ...{ path: envoyPath, name: `mesh-${name}`, workDirectory },
    bootstrap: (adminSocket) => encodeBootstrap({ sidecar, adminSocket, secretsSocket, xdsAddress: of.xds }),
  });
  of.closing.push(() => envoy.stop());
  return envoy;
}
