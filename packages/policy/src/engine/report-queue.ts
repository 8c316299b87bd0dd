// Instances of reports that wait for one handler. Rule: bounded; what does not fit or cannot be delivered is counted as lost, and a handler that stalls holds up its callers once, not every time.
import type { Instance } from '../templates/template.ts';
import type { EngineClock, EngineLimits } from './options.ts';

export interface QueueOptions {
  readonly clock: EngineClock;
  readonly limits: Pick<EngineLimits, 'queuedInstances' | 'batchedInstances' | 'roomMs'>;
  /** How many were delivered; the others are lost. Never rejects. */
  deliver(batch: readonly Instance[]): Promise<number>;
}

export class ReportQueue {
  readonly #options: QueueOptions;
  #waiting: Instance[] = [];
  #underWay = 0;
  #delivered = 0;
  #lost = 0;
  #draining: Promise<void> | undefined;
  #hasStalled = false;
  #onRoom: (() => void)[] = [];

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length + this.#underWay;
  }
  get delivered(): number {
    return this.#delivered;
  }
  get lost(): number {
    return this.#lost;
  }

  push(instance: Instance): void {
    if (this.waiting >= this.#options.limits.queuedInstances) this.#lost++;
    else this.#waiting.push(instance);
  }

  /** Starts delivering, if that is not under way. */
  flush(): void {
    if (this.#waiting.length > 0) this.#draining ??= this.#drain();
  }

  /** Resolves when there is room, or after the time that callers wait at most; undefined: there is room. */
  room(): Promise<void> | undefined {
    const { limits, clock } = this.#options;
    if (this.#hasStalled || this.waiting < limits.queuedInstances / 2) return undefined;
    return new Promise((resolve) => {
      const cancel = clock.after(limits.roomMs, () => {
        this.#hasStalled = true;
        resolve();
      });
      this.#onRoom.push(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Delivers what waits. */
  async close(): Promise<void> {
    this.flush();
    await this.#draining;
  }

  async #drain(): Promise<void> {
    const { batchedInstances, queuedInstances } = this.#options.limits;
    while (this.#waiting.length > 0) {
      const batch = this.#take(batchedInstances);
      this.#underWay = batch.length;
      const delivered = await this.#options.deliver(batch);
      this.#underWay = 0;
      this.#delivered += delivered;
      this.#lost += batch.length - delivered;
      if (this.#waiting.length < queuedInstances / 2) this.#announceRoom();
    }
    this.#draining = undefined;
  }

  #take(most: number): readonly Instance[] {
    if (this.#waiting.length <= most) {
      const all = this.#waiting;
      this.#waiting = [];
      return all;
    }
    return this.#waiting.splice(0, most);
  }

  #announceRoom(): void {
    this.#hasStalled = false;
    for (const tell of this.#onRoom.splice(0)) tell();
  }
}
