// Starts the parts of a mesh one after the other, each once the one before is ready, until it serves.
import { resolve } from 'node:path';
import { type Diagnostic, type Result, succeed } from '@xebec/std';
import { identifyProcess, type LocatedEnvoy, locateEnvoy } from '@xebec/supervise';
import { controlPlaneOf } from '../admin/control-plane.ts';
import { at } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import { problem } from '../output/diagnostics.ts';
import type { Progress } from '../output/progress.ts';
import type { Running, UpRequest } from './hold-mesh.ts';
import { writeMeshRecord } from './mesh-record.ts';
import { type Part, startAgent, startControlPlane, untilAnswered } from './parts.ts';
import { type MeshPlan, otherPorts, ownHost, planMesh } from './plan.ts';
import { startPolicyServiceWhenNeeded } from './policy-service.ts';
import { type Serving, waitUntilServing } from './wait-until-serving.ts';

export interface MeshStart extends UpRequest {
  readonly running: Running;
  readonly progress: Progress;
}

/** A mesh that serves. */
export interface ServingMesh extends Serving {
  readonly plan: MeshPlan;
  readonly envoy: LocatedEnvoy;
  readonly agentLog: string;
}

export async function startMesh(cli: Cli, start: MeshStart): Promise<Result<ServingMesh>> {
  const { state, options, progress, running } = start;
  const deadline = performance.now() + options.timeout;
  const envoy = await findEnvoy(cli, start);
  if (!envoy.ok) return envoy;
  const planned = await planMesh(cli, { ...start, progress });
  if (!planned.ok) return planned;
  record(start, planned.value, envoy.value, 'starting');
  const plan = await bringUpOnFreePorts(cli, { ...start, envoy: envoy.value.path }, planned.value, deadline);
  if (!plan.ok) return plan;
  running.policyNeed = startPolicyServiceWhenNeeded(cli, {
    ...{ running, state, up: options, plan: plan.value, guard: running.guard },
  });
  const agent = startAgent(cli, plan.value, { ...running, state, up: options, envoy: envoy.value.path });
  running.parts.push(agent);
  const served = await waitUntilServing({ agent, plan: plan.value, progress, deadline });
  if (!served.ok) return served;
  record(start, plan.value, envoy.value, 'serving', served.value);
  return succeed({ ...served.value, plan: plan.value, envoy: envoy.value, agentLog: agent.logFile }, [
    ...envoy.warnings,
    ...planned.warnings,
    ...portMoved(served.value),
  ]);
}

async function findEnvoy(cli: Cli, { options, progress }: MeshStart): Promise<Result<LocatedEnvoy>> {
  const step = progress.step('Envoy');
  const env =
    options.envoy === undefined ? cli.env : { ...cli.env, ENVOY_PATH: resolve(cli.cwd, options.envoy) };
  const located = await locateEnvoy({
    env,
    onProgress: ({ step: what, detail }) => step.say(`${what} ${detail}`),
  });
  if (located.ok) step.done(`${located.value.version} (${located.value.source})`);
  else step.failed();
  return located;
}

/** The Envoy is known. */
interface LocatedStart extends MeshStart {
  readonly envoy: string;
}

const portAttempts = 3;

/** Who starts at the same moment may take a port between our look and our use of it: then others are chosen. */
async function bringUpOnFreePorts(
  cli: Cli,
  start: LocatedStart,
  planned: MeshPlan,
  deadline: number,
): Promise<Result<MeshPlan>> {
  let plan = planned;
  for (let left = portAttempts; ; left--) {
    const control = await bringUpControlPlane(cli, start, plan, deadline);
    if (control.ok) return succeed(plan);
    const isPortTaken = control.diagnostics.some(({ message }) => message.includes('[cannot-listen]'));
    if (left === 1 || !isPortTaken) return control;
    await start.running.parts.pop()?.process.stop();
    plan = { ...plan, ...(await otherPorts()) };
  }
}

async function bringUpControlPlane(
  cli: Cli,
  { state, options, running, progress, envoy }: LocatedStart,
  plan: MeshPlan,
  deadline: number,
): Promise<Result<Part>> {
  const step = progress.step('control plane');
  const part = startControlPlane(cli, plan, { ...running, state, up: options, envoy });
  running.parts.push(part);
  const controlPlane = controlPlaneOf(state);
  const ready = await untilAnswered(part, deadline, async () => {
    const status = await controlPlane.get('/v1/status');
    return status.ok && at(status.value, 'isReady') === true ? true : undefined;
  });
  if (ready.ok) step.done(`xDS on ${plan.xds}, metrics on ${plan.http}`);
  else step.failed();
  return ready.ok ? succeed(part) : ready;
}

function record(
  { state, options }: MeshStart,
  plan: MeshPlan,
  envoy: LocatedEnvoy,
  phase: 'starting' | 'serving',
  served?: Serving,
): void {
  const { xds, http, paths } = plan;
  writeMeshRecord(state, {
    holder: identifyProcess(process.pid) ?? { pid: process.pid, start: '' },
    phase,
    ingress: served?.url ?? '',
    xds,
    http,
    capture: served?.capture ?? options.capture,
    captureReason: served?.captureReason ?? '',
    envoy: envoy.path,
    paths,
  });
}

const defaultIngressPort = 8080;

/** The usual address is not the one it serves on: said, because people type it by heart. */
function portMoved({ port, wantedPort }: Serving): readonly Diagnostic[] {
  if (port === undefined || port === wantedPort) return [];
  const message = `port ${wantedPort ?? defaultIngressPort} of ${ownHost} is taken; the ingress gateway listens on ${port}`;
  return [
    { ...problem('ingress-port-taken', message, '--ingress-port chooses another'), severity: 'warning' },
  ];
}
