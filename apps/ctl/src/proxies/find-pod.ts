// The Pods of a mesh, from its control plane, or from what the agent left on disk when there is none.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Result, succeed } from '@xebec/std';
import { controlPlaneOf } from '../admin/control-plane.ts';
import { readWorkloads } from '../mesh/workloads.ts';
import { logDirectory } from '../state/state-directory.ts';
import { type NamedPod, resolveWorkload } from './resolve-workload.ts';

/** Pods that run now; fails when no mesh runs. */
export async function runningPods(state: string): Promise<Result<readonly NamedPod[]>> {
  const workloads = await readWorkloads(controlPlaneOf(state), 0);
  if (!workloads.ok) return workloads;
  return succeed(
    workloads.value.rows.map(({ pod, namespace, name }) => ({ pod, namespace, workload: name })),
  );
}

/** Pods that have logs: those that run, then those that ran. */
export async function loggedPods(state: string): Promise<readonly NamedPod[]> {
  const running = await runningPods(state);
  const known = running.ok ? running.value : [];
  const past = podsWithLogs(state)
    .filter((pod) => !known.some((one) => one.pod === pod))
    .map((pod) => ({ pod, namespace: '', workload: pod.replace(/-[^-]+-[^-]+$/, '') }));
  return [...known, ...past];
}

function podsWithLogs(state: string): readonly string[] {
  try {
    const directory = logDirectory(state);
    const entries = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const touched = (name: string) => statSync(join(directory, name)).mtimeMs;
    return entries.map(({ name }) => name).sort((a, b) => touched(b) - touched(a));
  } catch {
    return [];
  }
}

export async function findRunningPod(state: string, asked: string): Promise<Result<NamedPod>> {
  const pods = await runningPods(state);
  return pods.ok ? resolveWorkload(asked, pods.value) : pods;
}
