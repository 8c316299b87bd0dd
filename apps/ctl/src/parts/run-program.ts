// Runs one program as a workload: joins the mesh of a state directory, and leaves it when the program ends.
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type AgentEvent, type AgentOptions, type Program, programDirectory, runAgent } from '@xebec/agent';
import type { ObjectOf } from '@xebec/config';
import { fail, type Result, succeed } from '@xebec/std';
import { locateEnvoy } from '@xebec/supervise';
import { controlPlaneOf, noMesh } from '../admin/control-plane.ts';
import type { Cli } from '../cli.ts';
import type { AgentRunFlags } from '../commands/agent-run.ts';
import { readMeshRecord } from '../mesh/mesh-record.ts';
import { printDiagnostics, problem, refuse } from '../output/diagnostics.ts';
import { metricsAccessOf } from '../state/metrics-token.ts';
import { controlSocket, prepareSocketDirectory, stateDirectory } from '../state/state-directory.ts';
import { openCapture } from './open-capture.ts';
import { listenForStop, logLine } from './until-signal.ts';
import { flagsOfGroup, readWorkloadGroup } from './workload-group.ts';

const namePattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Gives the exit code of the program; the shell's 128 and the signal when a signal ended it. */
export async function runProgramInMesh(
  cli: Cli,
  command: readonly string[],
  flags: AgentRunFlags,
): Promise<number> {
  using signal = listenForStop();
  const mesh = stateDirectory(cli, flags.state);
  const name = nameOf(command, flags);
  if (!name.ok) return refuse(cli, ...name.diagnostics);
  const own = programDirectory(mesh, `${name.value}-${process.pid}`);
  const { promise: ended, resolve: onEnded } = withResolvers<number>();
  const group = await readWorkloadGroup(mesh, flags);
  if (!group.ok) return refuse(cli, ...group.diagnostics);
  const joined = flagsOfGroup(flags, group.value);
  const program = {
    ...programOf(cli, { name: name.value, command, flags: joined, onEnded }),
    ...membershipOf(group.value),
  };
  const options = await optionsOf(cli, { mesh, own, flags: joined, program });
  if (!options.ok) return refuse(cli, ...options.diagnostics);
  printDiagnostics(cli, options.warnings);
  try {
    const agent = await runAgent(options.value);
    const outcome = await Promise.race([ended, signal.stopped]);
    await agent.close();
    return typeof outcome === 'number' ? outcome : await Promise.race([ended, codeOfSignal(outcome)]);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** A program that was told to stop had its say about the code only if it ended before its Pod was taken back. */
const codeOfSignal = (signal: NodeJS.Signals): Promise<number> =>
  Promise.resolve(signal === 'SIGINT' ? 130 : signal === 'SIGHUP' ? 129 : 143);

function nameOf(command: readonly string[], { name, workloadGroup }: AgentRunFlags): Result<string> {
  const chosen = name ?? basename(workloadGroup ?? command[0] ?? '').toLowerCase();
  if (namePattern.test(chosen)) return succeed(chosen);
  return fail(
    problem(
      'invalid-name',
      `"${chosen}" is not a name for a workload`,
      'choose one with --name: small letters, digits, dashes',
    ),
  );
}

const membershipOf = (
  group: ObjectOf<'WorkloadGroup'> | undefined,
): Pick<Program, 'workloadGroup' | 'readinessProbe'> =>
  group === undefined
    ? {}
    : {
        workloadGroup: group.metadata.name,
        ...(group.spec.probe === undefined ? {} : { readinessProbe: group.spec.probe }),
      };

interface Wanted {
  readonly name: string;
  readonly command: readonly string[];
  readonly flags: AgentRunFlags;
  readonly onEnded: (code: number) => void;
}

const programOf = (cli: Cli, { name, command, flags, onEnded }: Wanted): Program => ({
  name,
  namespace: flags.namespace,
  serviceAccount: flags.serviceAccount,
  labels: flags.label ?? { app: name },
  annotations: flags.annotation ?? {},
  ports: flags.port ?? [],
  command,
  directory: cli.cwd,
  onEnded,
});

interface Place {
  readonly mesh: string;
  /** The program's own state directory. */
  readonly own: string;
  readonly flags: AgentRunFlags;
  readonly program: Program;
}

async function optionsOf(cli: Cli, { mesh, own, flags, program }: Place): Promise<Result<AgentOptions>> {
  const version = await controlPlaneOf(mesh).get('/v1/version');
  if (!version.ok) return version;
  const record = readMeshRecord(mesh);
  if (record === undefined) return fail(noMesh(mesh));
  const env = {
    ...cli.env,
    ...(flags.envoy === undefined
      ? { ENVOY_PATH: cli.env['ENVOY_PATH'] ?? record.envoy }
      : { ENVOY_PATH: flags.envoy }),
  };
  const envoy = await locateEnvoy({ env, onProgress: () => undefined });
  if (!envoy.ok) return envoy;
  prepareSocketDirectory(own);
  const socket = controlSocket(mesh);
  const capture = await openCapture({
    wanted: flags.capture === 'auto' && record.capture === 'explicit' ? 'explicit' : flags.capture,
    state: own,
    controlSocket: socket,
    clusterDomain: 'cluster.local',
  });
  if (!capture.ok) return capture;
  const metricsAccess = metricsAccessOf(mesh, false);
  return succeed(
    {
      stateDirectory: own,
      // It outlives the program.
      auditDirectory: join(mesh, 'audit', `program-${basename(own)}`),
      controlSocket: socket,
      xdsAddress: record.xds,
      rootsFile: join(mesh, 'ca', 'root-cert.pem'),
      envoyPath: envoy.value.path,
      ...(metricsAccess === undefined ? {} : { metricsAccess }),
      capture: capture.value,
      localImages: [],
      discovery: flags.discovery,
      program,
      environment: cli.env,
      onEvent: (event) => tell(cli, event),
    },
    [...envoy.warnings, ...capture.warnings],
  );
}

/** Only what somebody has to know: the program's own output is what they came for. */
function tell(cli: Cli, event: AgentEvent): void {
  const isWorthy = event.kind === 'warning' || (event.kind === 'pod' && event.stage === 'waiting');
  if (isWorthy) logLine(cli, `${event.kind}: ${event.message}`);
}

function withResolvers<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
