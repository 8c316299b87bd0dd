// A control plane and a policy service as processes of their own, and certificates from that control plane. The rule: everything goes through the doors that users have.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { createKeyAndCsr, requestCertificate } from '@xebec/ca';
import { formatDiagnostic, type Result } from '@xebec/std';
import type { Identity } from '../envoys/identities.ts';
import { until } from '../measure/clock.ts';
import { measureOne, type ProcessUsage } from '../measure/process-usage.ts';
import { freePort, type RunningServer, startServer } from '../servers/server-process.ts';

export interface PolicyMesh {
  /** Plaintext xDS, for sidecars without an agent. */
  readonly xds: string;
  readonly service: PolicyServiceProcess;
  issue(namespace: string, serviceAccount: string): Promise<Identity>;
  close(): Promise<void>;
}

export interface PolicyServiceProcess {
  readonly process: RunningServer;
  /** Of the process itself: it starts no others. */
  usage(): ProcessUsage;
  /** Mutual TLS. */
  readonly grpc: string;
  /** JSON and metrics, plaintext. */
  readonly http: string;
}

export interface PolicyMeshOptions {
  readonly program: string;
  readonly workDirectory: string;
  /** Objects of the mesh. */
  readonly documents: readonly string[];
  /** Writes a CPU profile of the policy service here. */
  readonly profileDirectory?: string;
}

const startMs = 60_000;

export async function startPolicyMesh(options: PolicyMeshOptions): Promise<PolicyMesh> {
  const { workDirectory, documents } = options;
  const directory = join(workDirectory, 'policy');
  const config = join(directory, 'config');
  const state = join(directory, 'state');
  mkdirSync(config, { recursive: true });
  writeFileSync(join(config, 'objects.yaml'), `${documents.join('\n---\n')}\n`);
  const closing: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const controlPlane = await startControlPlane(options, { config, state });
    closing.push(() => controlPlane.process.stop());
    const service = await startService(options, { state, xds: controlPlane.secureXds });
    closing.push(() => service.process.stop());
    return {
      xds: controlPlane.process.address,
      service,
      issue: (namespace, serviceAccount) => issue({ state, controlPlane }, { namespace, serviceAccount }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface ControlPlane {
  readonly process: RunningServer;
  readonly secureXds: string;
  /** Of the admin API: elsewhere when the state directory's path is too long for a socket. */
  readonly socketPath: string;
}

const ownPort = async (): Promise<string> => `127.0.0.1:${await freePort()}`;

async function startControlPlane(
  { program, workDirectory }: PolicyMeshOptions,
  { config, state }: { readonly config: string; readonly state: string },
): Promise<ControlPlane> {
  const [plaintext, secureXds, http] = [await ownPort(), await ownPort(), await ownPort()];
  const flags = ['--config-dir', config, '--state', state, '--http', http];
  const logFile = join(workDirectory, 'policy', 'control-plane.log');
  const process_ = startServer({
    name: 'control plane',
    file: process.execPath,
    args: [program, 'controlplane', ...flags, '--xds', secureXds, '--xds-plaintext', plaintext],
    logFile,
    address: plaintext,
  });
  await becomeReady(process_, logFile);
  const socketPath = /listening admin (.+)$/m.exec(readFileSync(logFile, 'utf8'))?.[1] ?? '';
  return { process: process_, secureXds, socketPath };
}

async function startService(
  { program, workDirectory, profileDirectory }: PolicyMeshOptions,
  { state, xds }: { readonly state: string; readonly xds: string },
): Promise<PolicyServiceProcess> {
  const [grpc, http] = [await ownPort(), await ownPort()];
  const profile = profileDirectory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`];
  const flags = ['--state', state, '--control-plane', xds, '--listen', grpc, '--http', http];
  const logFile = join(workDirectory, 'policy', 'policy-service.log');
  const service = startServer({
    name: 'policy service',
    file: process.execPath,
    args: [...profile, program, 'policy', 'serve', ...flags, '--open-metrics'],
    logFile,
    address: grpc,
  });
  await becomeReady(service, logFile, /configuration of revision/);
  return { process: service, usage: () => measureOne(service.pid), grpc, http };
}

async function becomeReady(server: RunningServer, logFile: string, also = /./): Promise<void> {
  const isReady = (): boolean => {
    const problem = server.problem();
    if (problem !== undefined) throw new Error(problem);
    const log = readFileSync(logFile, 'utf8');
    return / ready$/m.test(log) && also.test(log);
  };
  if (await until(isReady, startMs, 50)) return;
  await server.stop();
  throw new Error(`${server.name} was not ready after ${startMs} ms:\n${readFileSync(logFile, 'utf8')}`);
}

async function issue(
  { state, controlPlane }: { readonly state: string; readonly controlPlane: ControlPlane },
  account: { readonly namespace: string; readonly serviceAccount: string },
): Promise<Identity> {
  const spiffeId = `spiffe://cluster.local/ns/${account.namespace}/sa/${account.serviceAccount}`;
  const { csrPem, privateKeyPem } = unwrap(await createKeyAndCsr(spiffeId));
  const rootsPem = readFileSync(join(state, 'ca', 'root-cert.pem'), 'utf8');
  const { certificatesPem } = unwrap(
    await requestCertificate({
      ...{
        address: controlPlane.secureXds,
        serverName: 'localhost',
        rootsPem: [rootsPem],
        csrPem,
        deadlineMs: 10_000,
      },
      credential: { kind: 'token', token: await tokenFor(controlPlane, account) },
    }),
  );
  return { certificatesPem, privateKeyPem, rootsPem };
}

function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.diagnostics.map(formatDiagnostic).join('\n'));
}

function tokenFor({ socketPath }: ControlPlane, account: object): Promise<string> {
  const to = {
    socketPath,
    ...{ path: '/v1/tokens', method: 'POST', timeout: 10_000 },
    headers: { 'content-type': 'application/json' },
  };
  return new Promise((resolve, reject) => {
    const call = request(to, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => {
        const answer: { readonly token?: unknown } = JSON.parse(text);
        if (typeof answer.token === 'string') resolve(answer.token);
        else reject(new Error(`no token: ${text}`));
      });
    });
    call.on('timeout', () => call.destroy(new Error('the control plane gives no token')));
    call.on('error', reject).end(JSON.stringify(account));
  });
}
