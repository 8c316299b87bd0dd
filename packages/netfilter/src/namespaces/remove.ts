// Removes exactly what a record names: processes inside its namespaces, the namespaces, their files, the host's link.
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { removeClientConfiguration, removeConfigurationDirectory } from './client-configuration.ts';
import { meshNames } from './names.ts';
import { listNamespaces, type NetworkTools, processesIn, refusedStep, removeHostRule } from './network.ts';
import { type CaptureRecord, isRunning, readRecord, removeRecord, startTicksOf } from './record.ts';

/** Ends what still runs in a namespace, then removes it; one that is gone already is no failure. */
export async function removeNamespace(tools: NetworkTools, netns: string): Promise<Result<undefined>> {
  if ((await listNamespaces(tools)).includes(netns)) {
    await endProcesses(tools, netns);
    const command = [tools.ip, 'netns', 'delete', netns];
    const { code, errors } = await tools.run(command);
    if (code !== 0) return fail(refusedStep(command, errors));
  }
  await removeClientConfiguration(netns);
  return succeed(undefined);
}

/** The namespace is ours alone, so whatever runs in it was started by this mesh. */
async function endProcesses(tools: NetworkTools, netns: string): Promise<void> {
  const pids = await processesIn(tools, netns);
  const started = pids.map((pid) => ({ pid, startTicks: startTicksOf(pid) }));
  for (const { pid } of started) sendKill(pid);
  const deadline = performance.now() + 5_000;
  while (
    performance.now() < deadline &&
    started.some(({ pid, startTicks }) => startTicks !== undefined && startTicksOf(pid) === startTicks)
  )
    await new Promise((resolve) => setTimeout(resolve, 5));
}

function sendKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Removes all that a record names; on failure the record stays, so that a later run tries again. */
export async function removeRecorded(
  tools: NetworkTools,
  stateDirectory: string,
  record: CaptureRecord,
): Promise<Result<undefined>> {
  const problems: Diagnostic[] = [];
  if (await linkExists(tools, record.hostLink)) {
    const command = [tools.ip, 'link', 'delete', record.hostLink];
    const { code, errors } = await tools.run(command);
    if (code !== 0) problems.push(refusedStep(command, errors));
  }
  for (const netns of [...record.namespaces].reverse()) {
    const removed = await removeNamespace(tools, netns);
    if (!removed.ok) problems.push(...removed.diagnostics);
  }
  await removeHostRule(tools, record.hostLink);
  if (record.madeConfigurationDirectory) await removeConfigurationDirectory();
  if (problems.length > 0) return fail(...problems);
  await removeRecord(stateDirectory);
  return succeed(undefined);
}

async function linkExists({ ip, run }: NetworkTools, link: string): Promise<boolean> {
  return (await run([ip, 'link', 'show', 'dev', link])).code === 0;
}

/**
 * Removes what an earlier run in this state directory has left behind. Refused while that run is still alive, and when
 * namespaces with our names hold processes but no record says that they are ours.
 */
export async function removeStale(tools: NetworkTools, stateDirectory: string): Promise<Result<undefined>> {
  const read = await readRecord(stateDirectory);
  if (!read.ok) return read;
  const record = read.value ?? (await reconstruct(tools, stateDirectory));
  if (record === undefined) return succeed(undefined);
  if (isRunning(record.owner)) return fail(inUse(`process ${record.owner.pid}`, stateDirectory));
  if (read.value === undefined)
    for (const netns of record.namespaces)
      if ((await processesIn(tools, netns)).length > 0)
        return fail(inUse(`namespace ${netns}`, stateDirectory));
  return removeRecorded(tools, stateDirectory, record);
}

/** What a record would say when a state directory was deleted while its mesh had not been taken down. */
async function reconstruct(tools: NetworkTools, stateDirectory: string): Promise<CaptureRecord | undefined> {
  const { prefix, hostLink } = meshNames(stateDirectory);
  const namespaces = (await listNamespaces(tools)).filter((name) => name.startsWith(prefix));
  if (namespaces.length === 0 && !(await linkExists(tools, hostLink))) return undefined;
  const owner = { pid: 0, startTicks: 'none' };
  return { version: 1, owner, madeConfigurationDirectory: false, namespaces, hostLink };
}

const inUse = (holder: string, stateDirectory: string): Diagnostic => ({
  severity: 'error',
  code: 'capture-in-use',
  message: `transparent capture for this state directory is in use (${holder})`,
  remedy: 'stop that mesh first (xebec down), or use another state directory (--state)',
  origin: { file: stateDirectory },
});
