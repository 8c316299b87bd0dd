// Where a graph is in its transaction: decides what may be called now, and numbers the epochs.
import { InvariantError } from './invariant.ts';

/** `wave` covers every call of a transform, an anchor function or an `equals`. */
export type Phase = 'idle' | 'writing' | 'wave' | 'watching';

/** A source with staged writes. */
export interface Staging {
  /** Compares the staged writes with what is held; may throw, changes nothing. */
  prepare(): void;
  commit(): void;
  discard(): void;
}

/** Calls the watchers of one collection; what they throw is added to `thrown`. */
export type Delivery = (thrown: unknown[]) => void;

export class Lifecycle {
  epoch = 0;
  phase: Phase = 'idle';
  private readonly staging = new Set<Staging>();
  private deliveries: Delivery[] = [];

  /** Runs `work` in `phase` and comes back to the present one. */
  during<E>(phase: Phase, work: () => E): E {
    const before = this.phase;
    this.phase = phase;
    try {
      return work();
    } finally {
      this.phase = before;
    }
  }

  /** Runs `write`; when it or a comparison throws, nothing was staged. */
  stage(write: () => void): void {
    try {
      this.during('writing', write);
      this.during('wave', () => {
        for (const source of this.staging) source.prepare();
      });
    } catch (error) {
      for (const source of this.staging) source.discard();
      this.staging.clear();
      throw error;
    }
  }

  /** Begins the next epoch with what was staged. */
  commit(): void {
    this.epoch += 1;
    const staged = [...this.staging];
    this.staging.clear();
    for (const source of staged) source.commit();
  }

  /** Collections may be read by anyone except from inside a wave, where only tracked reads are allowed. */
  assertReadable(name: string): void {
    if (this.phase !== 'wave') return;
    throw new InvariantError(`${name} was read around the reads of the transform: declare it in "reads"`);
  }

  assertWritable(name: string): void {
    if (this.phase === 'writing') return;
    throw new InvariantError(`${name} was written outside transact()`);
  }

  assertBuildable(name: string): void {
    if (this.phase !== 'wave') return;
    throw new InvariantError(`${name} was added to the graph from inside a transform`);
  }

  join(source: Staging): void {
    this.staging.add(source);
  }

  deliverLater(delivery: Delivery): void {
    this.deliveries.push(delivery);
  }

  takeDeliveries(): readonly Delivery[] {
    const taken = this.deliveries;
    this.deliveries = [];
    return taken;
  }
}
