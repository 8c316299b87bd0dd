// The network of one mesh over its life: every change is in the record before it is in the kernel, one at a time.
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { CaptureTools } from '../capability/detect.ts';
import { type ResolverSettings, writeClientConfiguration } from '../namespaces/client-configuration.ts';
import { type MeshNames, workloadNamespace } from '../namespaces/names.ts';
import {
  makeWorkload,
  openLowPorts,
  removePort,
  runAll,
  type Subnets,
  type WorkloadNetwork,
} from '../namespaces/network.ts';
import { type CaptureRecord, writeRecord } from '../namespaces/record.ts';
import { removeNamespace, removeRecorded } from '../namespaces/remove.ts';
import { freeSlot, type Subnet, type Subnet6, slotAddress, slotAddress6 } from '../namespaces/subnet.ts';
import type { RenderedRules } from '../rules/render.ts';

interface Fixed extends Subnets {
  readonly tools: CaptureTools;
  readonly stateDirectory: string;
  readonly names: MeshNames;
}

/** What a workload's namespace is made with. */
export interface WorkloadDemand {
  readonly rules: readonly RenderedRules[];
  readonly resolver: ResolverSettings;
  /** The application listens at an address of its own. */
  readonly isSplit?: boolean;
}

/** A slot of the subnet that is in use. */
export interface HeldSlot {
  readonly slot: number;
  readonly address: string;
}

export class MeshNetwork {
  readonly subnet: Subnet;
  readonly subnet6: Subnet6 | undefined;
  readonly #fixed: Fixed;
  readonly #slots = new Set<number>();
  readonly #inTurn = createQueue();
  #record: CaptureRecord;
  #isRemoved = false;

  constructor(fixed: Fixed, record: CaptureRecord) {
    this.#fixed = fixed;
    this.#record = record;
    this.subnet = fixed.subnet;
    this.subnet6 = fixed.subnet6;
  }

  /** A namespace for a workload, with its rules in force; on failure nothing is left of it. */
  addWorkload(pod: string, demand: WorkloadDemand): Promise<Result<WorkloadNetwork>> {
    return this.#inTurn(async () => {
      const network = this.#place(pod, demand);
      if (!network.ok) return network;
      const made = await this.#make(network.value, demand);
      if (made.ok) return network;
      await this.#unmake(network.value);
      return made;
    });
  }

  removeWorkload(network: WorkloadNetwork): Promise<Result<undefined>> {
    return this.#inTurn(() => this.#unmake(network));
  }

  #place(pod: string, { isSplit }: WorkloadDemand): Result<WorkloadNetwork> {
    const held = this.#takeSlot();
    if (!held.ok) return held;
    const { slot } = held.value;
    const own = isSplit === true ? this.#takeSlot() : undefined;
    if (own?.ok === false) {
      this.#slots.delete(slot);
      return own;
    }
    return succeed({
      ...held.value,
      netns: workloadNamespace(this.#fixed.names, pod, slot),
      ...(own === undefined
        ? {}
        : { applicationAddress: own.value.address, applicationSlot: own.value.slot }),
      ...(this.subnet6 === undefined ? {} : { address6: slotAddress6(this.subnet6, slot) }),
    });
  }

  /** One more address of the host in the subnet, for a gateway. */
  addHostAddress(): Promise<Result<HeldSlot>> {
    return this.#inTurn(async () => {
      const held = this.#takeSlot();
      if (!held.ok) return held;
      const added = await this.#changeHostAddress('add', held.value);
      if (added.ok) return held;
      this.#slots.delete(held.value.slot);
      return added;
    });
  }

  removeHostAddress(held: HeldSlot): Promise<Result<undefined>> {
    return this.#inTurn(async () => {
      const removed = await this.#changeHostAddress('delete', held);
      if (removed.ok) this.#slots.delete(held.slot);
      return removed;
    });
  }

  /** Removes all that was made; what workloads remove afterwards is gone already. */
  remove(): Promise<Result<undefined>> {
    return this.#inTurn(() => {
      this.#isRemoved = true;
      return removeRecorded(this.#fixed.tools, this.#fixed.stateDirectory, this.#record);
    });
  }

  #takeSlot(): Result<HeldSlot> {
    if (this.#isRemoved) return fail(closed);
    const slot = freeSlot(this.#slots);
    if (slot === undefined) return fail(full);
    this.#slots.add(slot);
    return succeed({ slot, address: slotAddress(this.subnet, slot) });
  }

  async #make(network: WorkloadNetwork, { rules, resolver }: WorkloadDemand): Promise<Result<undefined>> {
    const { tools, ...fixed } = this.#fixed;
    await this.#write([...this.#record.namespaces, network.netns]);
    await writeClientConfiguration(network.netns, resolver);
    const made = await makeWorkload(tools, { ...fixed, rules }, network);
    if (made.ok) await openLowPorts(tools, network.netns);
    return made;
  }

  async #unmake({ netns, slot, applicationSlot }: WorkloadNetwork): Promise<Result<undefined>> {
    if (this.#isRemoved) return succeed(undefined);
    await removePort(this.#fixed.tools, this.#fixed.names, slot);
    const removed = await removeNamespace(this.#fixed.tools, netns);
    if (!removed.ok) return removed;
    await this.#write(this.#record.namespaces.filter((name) => name !== netns));
    this.#slots.delete(slot);
    if (applicationSlot !== undefined) this.#slots.delete(applicationSlot);
    return removed;
  }

  async #changeHostAddress(verb: 'add' | 'delete', { address }: HeldSlot): Promise<Result<undefined>> {
    if (this.#isRemoved) return succeed(undefined);
    const { tools, names } = this.#fixed;
    return runAll(tools, [[[tools.ip, 'address', verb, `${address}/32`, 'dev', names.hostLink]]]);
  }

  async #write(namespaces: readonly string[]): Promise<void> {
    this.#record = { ...this.#record, namespaces };
    await writeRecord(this.#fixed.stateDirectory, this.#record);
  }
}

const closed: Diagnostic = {
  severity: 'error',
  code: 'capture-closed',
  message: 'the mesh is being taken down',
  remedy: 'start it again',
};

const full: Diagnostic = {
  severity: 'error',
  code: 'subnet-full',
  message: 'all addresses of the mesh are in use',
  remedy: 'run fewer workloads on this machine',
};

/** Runs tasks one after another, whatever becomes of each. */
function createQueue(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
}
