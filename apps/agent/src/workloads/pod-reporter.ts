// Tells the control plane about Pods: the newest state of each, in order, as often as it takes, and all again when it has forgotten.
import type { Timers } from '@xebec/supervise';
import { backoffMs, pause } from '../backoff.ts';
import type { ControlClient, Manifest } from '../control/control-client.ts';
import { inWords } from '../problem.ts';

export interface PodReporterOptions {
  readonly client: Pick<ControlClient, 'putRuntime' | 'deleteRuntime'>;
  readonly timers: Timers;
  readonly random: () => number;
  /** The control plane will not have it; said once for each state that is refused. */
  readonly onRefused: (key: string, reason: string) => void;
}

export interface PodReporter {
  /** Resolves when the control plane has it, has something newer, or has refused it. */
  put(key: string, manifest: Manifest): Promise<void>;
  delete(key: string): Promise<void>;
  /** Tells everything again; resolves when that is done. */
  resend(): Promise<void>;
  /** What it was told last. */
  holds(key: string): boolean;
  /** Resolves when everything is told, or after `timeoutMs`; afterwards nothing more is told. */
  close(timeoutMs: number): Promise<void>;
}

const unreachable = 'control-plane-unreachable';
const backoff = { firstMs: 100, longestMs: 2_000 };

export function createPodReporter(options: PodReporterOptions): PodReporter {
  const { client, timers, random, onRefused } = options;
  const manifests = new Map<string, Manifest>();
  const dirty = new Set<string>();
  const loops = new Map<string, Promise<void>>();
  const stop = new AbortController();

  const tellOnce = async (key: string): Promise<'told' | 'again'> => {
    dirty.delete(key);
    const manifest = manifests.get(key);
    const told = await (manifest === undefined ? client.deleteRuntime(key) : client.putRuntime(manifest));
    if (told.ok) return 'told';
    if (told.diagnostics.every(({ code }) => code !== unreachable)) {
      onRefused(key, inWords(told.diagnostics));
      return 'told';
    }
    dirty.add(key);
    return 'again';
  };
  const tell = async (key: string): Promise<void> => {
    for (let failures = 0; dirty.has(key) && !stop.signal.aborted; ) {
      if ((await tellOnce(key)) === 'told') failures = 0;
      else failures += 1;
      if (failures > 0) await pause(timers, backoffMs(backoff, failures, random), stop.signal);
    }
    loops.delete(key);
  };
  const change = (key: string): Promise<void> => {
    if (stop.signal.aborted) return Promise.resolve();
    dirty.add(key);
    const running = loops.get(key);
    if (running !== undefined) return running;
    const started = tell(key);
    loops.set(key, started);
    return started;
  };

  return {
    put(key, manifest) {
      manifests.set(key, manifest);
      return change(key);
    },
    delete(key) {
      manifests.delete(key);
      return change(key);
    },
    async resend() {
      await Promise.all([...manifests.keys()].map(change));
    },
    holds: (key) => manifests.has(key),
    async close(timeoutMs) {
      const deadline = timers.after(timeoutMs, () => stop.abort());
      await Promise.all(loops.values());
      deadline[Symbol.dispose]();
      stop.abort();
    },
  };
}
