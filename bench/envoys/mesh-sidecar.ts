// A real sidecar as the control plane configures it, without an agent: its secrets come from a socket.
import { join } from 'node:path';
import { encodeBootstrap, type SidecarIdentity } from './bootstrap.ts';
import { type RunningEnvoy, startEnvoy } from './envoy-process.ts';
import type { Identity } from './identities.ts';
import { startSecretsServer } from './secrets-server.ts';

export interface MeshSidecarOptions {
  readonly envoyPath: string;
  readonly workDirectory: string;
  /** Plaintext, `HOST:PORT`. */
  readonly xds: string;
  readonly identity: Identity;
  readonly sidecar: Pick<SidecarIdentity, 'name' | 'namespace' | 'address' | 'applicationAddress'>;
  /** What ends it, the last first. */
  readonly closing: (() => unknown)[];
}

export async function startMeshSidecar(options: MeshSidecarOptions): Promise<RunningEnvoy> {
  const { workDirectory, envoyPath, closing } = options;
  const { name } = options.sidecar;
  const secretsSocket = join(workDirectory, `${name}-secrets.sock`);
  const secrets = await startSecretsServer(secretsSocket, options.identity);
  closing.push(() => secrets.close());
  const sidecar: SidecarIdentity = {
    ...options.sidecar,
    ...{ serviceAccount: name, labels: { app: name }, discovery: 'on-demand' },
  };
  const envoy = startEnvoy({
    ...{ path: envoyPath, name: `mesh-${name}`, workDirectory },
    bootstrap: (adminSocket) =>
      encodeBootstrap({ sidecar, adminSocket, secretsSocket, xdsAddress: options.xds }),
  });
  closing.push(() => envoy.stop());
  return envoy;
}
