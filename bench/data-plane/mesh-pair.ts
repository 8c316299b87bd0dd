// Two sidecars as the real control plane configures them: mutual TLS, access log, metrics, everything that users get.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningEnvoy } from '../envoys/envoy-process.ts';
import type { Identities } from '../envoys/identities.ts';
import { startMeshSidecar } from '../envoys/mesh-sidecar.ts';
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
    const start = async (name: 'client' | 'echo'): Promise<RunningEnvoy> =>
      startMeshSidecar({
        ...{ ...options, xds: command.address, closing },
        identity: await options.identities.issue(namespace, name),
        sidecar: { name, namespace, address: addresses[name], applicationAddress: app.address },
      });
    const echo = await start('echo');
    await echo.ready(`${addresses.echo}_${app.port}`, 30_000);
    const client = await start('client');
    await client.ready(`${addresses.client}_${proxyPort}`, 30_000);
    const to = { address: addresses.client, port: proxyPort, host: `${host}:${app.port}` };
    return { name: 'xebec sidecars', to, envoys: [client, echo], close };
  } catch (error) {
    await close();
    throw error;
  }
}
