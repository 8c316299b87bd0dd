// Reads a page of metrics as a Prometheus would, over the socket of the workload's agent or of the policy service, or the port of the control plane.
import { workloadSockets } from '@xebec/agent';
import { fail, type Result, succeed } from '@xebec/std';
import { noMesh } from '../admin/control-plane.ts';
import { policySocket } from '../admin/policy-service.ts';
import { requestSocket, type SocketRequest } from '../admin/socket-request.ts';
import type { Cli } from '../cli.ts';
import type { MetricsOptions } from '../commands/metrics.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { readMeshRecord } from '../mesh/mesh-record.ts';
import { problem, refuse } from '../output/diagnostics.ts';
import { printable } from '../output/printable.ts';
import { findRunningPod } from '../proxies/find-pod.ts';
import { readMetricsToken } from '../state/metrics-token.ts';
import { stateDirectory } from '../state/state-directory.ts';

export async function printMetrics(cli: Cli, asked: string, options: MetricsOptions): Promise<ExitCode> {
  const state = stateDirectory(cli, options.state);
  const place = await placeOf(state, asked);
  if (!place.ok) return refuse(cli, ...place.diagnostics);
  const token = readMetricsToken(state);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await requestSocket({ ...place.value, headers });
  if (answer.kind === 'unreachable') {
    return refuse(cli, problem('metrics-unreachable', `${asked} does not answer: ${answer.reason}`));
  }
  if (answer.status !== 200) {
    const message = `${asked} answered ${answer.status}: ${answer.text.trim().slice(0, 300)}`;
    return refuse(
      cli,
      problem('metrics-refused', message, 'use the state directory that the mesh was started with'),
    );
  }
  cli.stdout.write(printable(answer.text));
  return exitCode.done;
}

type Place = Pick<SocketRequest, 'socket' | 'path'>;

async function placeOf(state: string, asked: string): Promise<Result<Place>> {
  if (asked === 'control-plane') return placeOfControlPlane(state);
  if (asked === 'policy-service') return succeed({ socket: policySocket(state), path: '/metrics' });
  return placeOfWorkload(state, asked);
}

async function placeOfWorkload(state: string, asked: string): Promise<Result<Place>> {
  const pod = await findRunningPod(state, asked);
  if (!pod.ok) return pod;
  return succeed({ socket: workloadSockets(state, pod.value.pod).agent, path: '/stats/prometheus' });
}

function placeOfControlPlane(state: string): Result<Place> {
  const record = readMeshRecord(state);
  return record === undefined ? fail(noMesh(state)) : succeed({ socket: record.http, path: '/metrics' });
}
