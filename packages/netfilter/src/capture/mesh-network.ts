// The network of one mesh over its life: every change is in the record before it is in the kernel, one at a time.
import { mkdir } from 'node:fs/promises';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { CaptureTools } from '../capability/detect.ts';
import {
  hasConfigurationDirectory,
  type ResolverSettings,
  writeClientConfiguration,
} from '../namespaces/client-configuration.ts';
import { type MeshNames, meshNames, workloadNamespace } from '../namespaces/names.ts';
import {
  makeBridge,
  makeWorkload,
  openLowPorts,
  refuseForwarding,
  removePort,
  routeDestinations,
  runAll,
  type WorkloadNetwork,
} from '../namespaces/network.ts';
import { type CaptureRecord, thisProcess, writeRecord } from '../namespaces/record.ts';
import { removeNamespace, removeRecorded, removeStale } from '../namespaces/remove.ts';
import { chooseSubnet, freeSlot, type Subnet, slotAddress } from '../namespaces/subnet.ts';
import type { RenderedRules } from '../rules/render.ts';

export interface MeshNetwork {
  readonly subnet: Subnet;
  addWorkload(
    pod: string,
    rules: readonly RenderedRules[],
    resolver: ResolverSettings,
  ): Promise<Result<WorkloadNetwork>>;
  removeWorkload(network: WorkloadNetwork): Promise<Result<undefined>>;
  /** One more address of the host in the subnet, for a gateway. */
  addHostAddress(): Promise<Result<{ readonly slot: number; readonly address: string }>>;
  removeHostAddress(slot: number): Promise<Result<undefined>>;
  remove(): Promise<Result<undefined>>;
}

/** Cleans up after an earlier run in this state directory, then makes the bridge. */
export async function openMeshNetwork(
  tools: CaptureTools,
  stateDirectory: string,
): Promise<Result<MeshNetwork>> {
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const cleaned = await removeStale(tools, stateDirectory);
  if (!cleaned.ok) return cleaned;
  const names = meshNames(stateDirectory);
  const record: CaptureRecord = {
    version: 1,
    owner: thisProcess(),
    madeConfigurationDirectory: !hasConfigurationDirectory(),
    hostLink: names.hostLink,
    namespaces: [names.bridgeNamespace],
  };
  const made = await makeInFreeSubnet(tools, stateDirectory, { names, record });
  return made.ok ? succeed(meshNetwork({ tools, stateDirectory, names, record, subnet: made.value })) : made;
}

const attempts = 5;

/** Another mesh may choose the same subnet at the same moment; both see it afterwards and choose again. */
async function makeInFreeSubnet(
  tools: CaptureTools,
  stateDirectory: string,
  { names, record }: { readonly names: MeshNames; readonly record: CaptureRecord },
): Promise<Result<Subnet>> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const subnet = chooseSubnet(names.seed + attempt * (names.seed % 97), await routeDestinations(tools));
    if (subnet === undefined) break;
    await writeRecord(stateDirectory, record);
    const made = await makeBridge(tools, names, subnet);
    const isAlone =
      (await routeDestinations(tools)).filter((destination) => destination === subnet.cidr).length === 1;
    if (made.ok && isAlone) {
      await refuseForwarding(names.hostLink);
      return succeed(subnet);
    }
    await removeRecorded(tools, stateDirectory, record);
    if (!made.ok) return made;
  }
  return fail(noSubnet);
}

const noSubnet: Diagnostic = {
  severity: 'error',
  code: 'no-free-subnet',
  message: 'no subnet of 10.240.0.0/12 is free on this host',
  remedy: 'remove routes into 10.240.0.0/12 ("ip route"), or use explicit capture (--capture explicit)',
};

const full: Diagnostic = {
  severity: 'error',
  code: 'subnet-full',
  message: 'all addresses of the mesh are in use',
  remedy: 'run fewer workloads on this machine',
};

const closed: Diagnostic = {
  severity: 'error',
  code: 'capture-closed',
  message: 'the mesh is being taken down',
  remedy: 'start it again',
};

interface Context {
  readonly tools: CaptureTools;
  readonly stateDirectory: string;
  readonly names: MeshNames;
  readonly record: CaptureRecord;
  readonly subnet: Subnet;
}

function meshNetwork(context: Context): MeshNetwork {
  const { tools, stateDirectory, names, subnet } = context;
  const slots = new Set<number>();
  const inTurn = createQueue();
  let { record } = context;
  let isRemoved = false;
  const changeRecord = async (namespaces: readonly string[]): Promise<void> => {
    if (isRemoved) return;
    record = { ...record, namespaces };
    await writeRecord(stateDirectory, record);
  };

  async function addWorkload(
    pod: string,
    rules: readonly RenderedRules[],
    resolver: ResolverSettings,
  ): Promise<Result<WorkloadNetwork>> {
    if (isRemoved) return fail(closed);
    const slot = freeSlot(slots);
    if (slot === undefined) return fail(full);
    const netns = workloadNamespace(names, pod, slot);
    const network = { netns, slot, address: slotAddress(subnet, slot) };
    slots.add(slot);
    await changeRecord([...record.namespaces, netns]);
    await writeClientConfiguration(netns, resolver);
    const made = await makeWorkload(tools, { names, subnet, rules }, network);
    if (!made.ok) {
      await removeWorkload(network);
      return made;
    }
    await openLowPorts(tools, netns);
    return succeed(network);
  }

  async function removeWorkload({ netns, slot }: WorkloadNetwork): Promise<Result<undefined>> {
    if (isRemoved) return succeed(undefined);
    await removePort(tools, names, slot);
    const removed = await removeNamespace(tools, netns);
    if (!removed.ok) return removed;
    await changeRecord(record.namespaces.filter((name) => name !== netns));
    slots.delete(slot);
    return removed;
  }

  const hostAddress = (slot: number, verb: 'add' | 'delete'): Promise<Result<undefined>> =>
    runAll(tools, [[[tools.ip, 'address', verb, `${slotAddress(subnet, slot)}/32`, 'dev', names.hostLink]]]);

  async function addHostAddress(): Promise<Result<{ slot: number; address: string }>> {
    if (isRemoved) return fail(closed);
    const slot = freeSlot(slots);
    if (slot === undefined) return fail(full);
    const added = await hostAddress(slot, 'add');
    if (!added.ok) return added;
    slots.add(slot);
    return succeed({ slot, address: slotAddress(subnet, slot) });
  }

  async function removeHostAddress(slot: number): Promise<Result<undefined>> {
    if (isRemoved) return succeed(undefined);
    const removed = await hostAddress(slot, 'delete');
    slots.delete(slot);
    return removed;
  }

  async function remove(): Promise<Result<undefined>> {
    isRemoved = true;
    return removeRecorded(tools, stateDirectory, record);
  }

  return {
    subnet,
    addWorkload: (pod, rules, resolver) => inTurn(() => addWorkload(pod, rules, resolver)),
    removeWorkload: (network) => inTurn(() => removeWorkload(network)),
    addHostAddress: () => inTurn(addHostAddress),
    removeHostAddress: (slot) => inTurn(() => removeHostAddress(slot)),
    remove: () => inTurn(remove),
  };
}

/** Runs tasks one after another, whatever becomes of each. */
function createQueue(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
}
