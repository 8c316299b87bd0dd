// Runs the agent of this machine until a signal: flags become options, events become lines of a log.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type AgentEvent, type AgentOptions, type LocalImages, runAgent } from '@xebec/agent';
import { fail, type Result, succeed } from '@xebec/std';
import { acquireStateLock, locateEnvoy } from '@xebec/supervise';
import type { Cli } from '../cli.ts';
import type { AgentFlags } from '../commands/agent.ts';
import { readLocalImages } from '../documents/local-images.ts';
import { readDocuments } from '../documents/read-documents.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics, problem, refuse } from '../output/diagnostics.ts';
import { metricsAccessOf } from '../state/metrics-token.ts';
import { controlSocket, prepareSocketDirectory, stateDirectory } from '../state/state-directory.ts';
import { auditSinksOf } from './audit-sinks.ts';
import { openCapture } from './open-capture.ts';
import { listenForStop, logLine } from './until-signal.ts';

export async function runAgentCommand(cli: Cli, flags: AgentFlags): Promise<ExitCode> {
  using signal = listenForStop();
  const state = stateDirectory(cli, flags.state);
  const locked = lock(state, flags);
  if (!locked.ok) return refuse(cli, ...locked.diagnostics);
  using _lock = locked.value;
  const options = await optionsOf(cli, flags, state);
  if (!options.ok) return refuse(cli, ...options.diagnostics);
  printDiagnostics(cli, options.warnings);
  const agent = await runAgent(options.value);
  logLine(
    cli,
    `ready (${typeof options.value.capture === 'string' ? options.value.capture : options.value.capture.mode} capture)`,
  );
  const name = await signal.stopped;
  logLine(cli, `stopping (${name})`);
  await agent.close();
  return exitCode.done;
}

function lock(state: string, flags: AgentFlags): Result<Disposable> {
  if (flags.supervised === true) return succeed({ [Symbol.dispose]: () => undefined });
  mkdirSync(state, { recursive: true, mode: 0o700 });
  prepareSocketDirectory(state);
  // The control plane may hold the directory itself: an agent is one of its own kind there.
  return acquireStateLock(join(state, 'agent'), 'xebec agent');
}

async function optionsOf(cli: Cli, flags: AgentFlags, state: string): Promise<Result<AgentOptions>> {
  const envoy = await findEnvoy(cli, flags);
  if (!envoy.ok) return envoy;
  const images = await readImages(cli, flags);
  if (!images.ok) return images;
  const socket =
    flags.controlSocket === undefined ? controlSocket(state) : resolve(cli.cwd, flags.controlSocket);
  const onEvent = (event: AgentEvent) => logLine(cli, `${event.kind}: ${event.message}`);
  const capture = await openCapture({
    wanted: flags.capture,
    state,
    controlSocket: socket,
    clusterDomain: flags.clusterDomain,
  });
  if (!capture.ok) return capture;
  const metricsAccess = metricsAccessOf(state, flags.openMetrics === true);
  const { xdsServerName, certificateTtl, workloadKey, trustDomain, clusterDomain, discovery } = flags;
  return succeed(
    {
      stateDirectory: state,
      controlSocket: socket,
      xdsAddress: flags.xds,
      rootsFile:
        flags.roots === undefined ? join(state, 'ca', 'root-cert.pem') : resolve(cli.cwd, flags.roots),
      envoyPath: envoy.value,
      ...(metricsAccess === undefined ? {} : { metricsAccess }),
      capture: capture.value,
      localImages: images.value,
      discovery,
      trustDomain,
      clusterDomain,
      ...(xdsServerName === undefined ? {} : { xdsServerName }),
      ...(certificateTtl === undefined ? {} : { leafTtlMs: certificateTtl }),
      ...(workloadKey === undefined ? {} : { workloadKey }),
      ...auditSinksOf(cli, flags.auditSink, 'agent'),
      onEvent,
    },
    [...envoy.warnings, ...capture.warnings],
  );
}

async function findEnvoy(cli: Cli, { envoy }: AgentFlags): Promise<Result<string>> {
  const env = envoy === undefined ? cli.env : { ...cli.env, ENVOY_PATH: resolve(cli.cwd, envoy) };
  const located = await locateEnvoy({
    env,
    onProgress: ({ step, detail }) => logLine(cli, `envoy ${step}: ${detail}`),
  });
  return located.ok ? succeed(located.value.path, located.warnings) : located;
}

async function readImages(cli: Cli, flags: AgentFlags): Promise<Result<readonly LocalImages[]>> {
  const texts = await readDocuments(cli, flags.images ?? []);
  if (!texts.ok) return texts;
  const { files, diagnostics } = readLocalImages(texts.value, cli.cwd);
  if (diagnostics.some(({ severity }) => severity === 'error')) return fail(...diagnostics);
  if (texts.value.length > 0 && files.length === 0) {
    return fail(problem('no-local-images', 'no document of kind LocalImages in the files of --images'));
  }
  const chosen = new Map((flags.gatewayPort ?? []).map(({ port, hostPort }) => [port, hostPort]));
  return succeed(files.map(({ images }) => withPorts(images, chosen)));
}

/** A port that was chosen is the first gateway's that has it: another one cannot listen there too. */
function withPorts(images: LocalImages, chosen: Map<number, number>): LocalImages {
  const hostPortOf = (port: number, hostPort: number): number => {
    const own = chosen.get(port) ?? hostPort;
    chosen.delete(port);
    return own;
  };
  const gateways = images.gateways.map((gateway) => ({
    ...gateway,
    ports: gateway.ports.map((each) => ({ ...each, hostPort: hostPortOf(each.port, each.hostPort) })),
  }));
  return { ...images, gateways };
}
