// Bags on their way to the service: batched, each after the first only what differs, one batch at a time. The rule: memory is bounded, and what does not fit or cannot be delivered is counted.
import { create, equals } from '@bufbuild/protobuf';
import {
  type Attributes,
  AttributesSchema,
  type ReportRequest,
  ReportRequestSchema,
  ValueSchema,
} from '@xebec/protos/xebec/policy/v1/policy_pb';

export interface ReportLimits {
  /** Bags of one request. */
  readonly batch: number;
  /** Bags that wait; more are lost. */
  readonly queued: number;
  /** How long a bag waits for others. */
  readonly delayMs: number;
  /** Tries of one batch while the service cannot be reached. */
  readonly tries: number;
}

export interface ReportCounts {
  sent: number;
  lost: number;
}

/** `retry`: perhaps nothing was delivered; the service takes a request once, however often it is tried. `lost`: it was refused. */
export type Delivery = 'delivered' | 'retry' | 'lost';

export class ReportQueue {
  readonly counts: ReportCounts = { sent: 0, lost: 0 };
  readonly #limits: ReportLimits;
  readonly #deliver: (request: ReportRequest) => Promise<Delivery>;
  #waiting: Attributes[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  constructor(limits: ReportLimits, deliver: (request: ReportRequest) => Promise<Delivery>) {
    this.#limits = limits;
    this.#deliver = deliver;
  }

  /** False: there is no room, the bag is lost and counted. */
  add(bag: Attributes): boolean {
    if (this.#waiting.length >= this.#limits.queued) {
      this.counts.lost += 1;
      return false;
    }
    this.#waiting.push(bag);
    if (this.#waiting.length >= this.#limits.batch) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), this.#limits.delayMs).unref();
    return true;
  }

  /** Resolves when everything that waits now is delivered or lost. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#sending !== undefined) {
      this.#start();
      await this.#sending;
    }
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, this.#limits.batch);
      for (const request of writeBatch(batch)) {
        const delivered = await this.#tryDelivery(request);
        this.counts[delivered ? 'sent' : 'lost'] += request.attributes.length;
      }
      this.#waiting = this.#waiting.slice(batch.length);
    }
  }

  async #tryDelivery(request: ReportRequest): Promise<boolean> {
    for (let attempt = 0; attempt < this.#limits.tries; attempt += 1) {
      const result = await this.#deliver(request);
      if (result !== 'retry') return result === 'delivered';
      await new Promise((resolve) => setTimeout(resolve, Math.min(50 * 2 ** attempt, 2_000)).unref());
    }
    return false;
  }
}

/** One request for bags of the same names: a difference cannot say that an attribute is gone. */
export function writeBatch(bags: readonly Attributes[]): readonly ReportRequest[] {
  const groups = new Map<string, Attributes[]>();
  for (const bag of bags) {
    const names = Object.keys(bag.attributes).sort().join('\u001f');
    const group = groups.get(names);
    if (group === undefined) groups.set(names, [bag]);
    else group.push(bag);
  }
  return [...groups.values()].map((group) =>
    create(ReportRequestSchema, {
      attributes: group.map((bag, index) => differenceOf(group[index - 1], bag)),
      isDelta: true,
      deduplicationId: crypto.randomUUID(),
    }),
  );
}

function differenceOf(before: Attributes | undefined, bag: Attributes): Attributes {
  if (before === undefined) return bag;
  const changed = Object.entries(bag.attributes).filter(([name, value]) => {
    const was = before.attributes[name];
    return was === undefined || !equals(ValueSchema, was, value);
  });
  return create(AttributesSchema, { attributes: Object.fromEntries(changed) });
}
