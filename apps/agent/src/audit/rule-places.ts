// Where the rules of records were written, as far as the control plane says so in time.
import type { AuditedRule, CallRecord } from '@xebec/journal-file';

/** How long a place is believed, and how long one waits for it: records do not wait for the control plane. */
const [freshMs, patienceMs] = [10_000, 300];
const mostKnown = 10_000;

interface Known {
  readonly origin: string | undefined;
  readonly untilMs: number;
}

export interface RulePlacesOptions {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Where a cause was written, if the control plane can say so now. */
  readonly locate: (cause: string) => Promise<string | undefined>;
}

/** Adds the places of its rules to a record. */
export function createRulePlaces({ clock, locate }: RulePlacesOptions) {
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<Known>>();
  const ask = (cause: string): Promise<Known> => {
    const running = asking.get(cause) ?? look(cause);
    asking.set(cause, running);
    return running;
  };
  const look = async (cause: string): Promise<Known> => {
    const origin = (await locate(cause)) ?? known.get(cause)?.origin;
    const found = { origin, untilMs: clock() + freshMs };
    if (known.size >= mostKnown) known.clear();
    known.set(cause, found);
    asking.delete(cause);
    return found;
  };
  /** What is known goes at once, and is asked for again when it is old. */
  const originOf = async (cause: string): Promise<string | undefined> => {
    const held = known.get(cause);
    if (held === undefined) {
      const found = await Promise.race([ask(cause), nothingAfter(patienceMs)]);
      // The next record does not wait as well.
      if (found === undefined) known.set(cause, { origin: undefined, untilMs: clock() + freshMs });
      return found?.origin;
    }
    if (held.untilMs < clock()) void ask(cause);
    return held.origin;
  };
  const located = async (rule: AuditedRule): Promise<AuditedRule> => {
    if (rule.rule === undefined) return rule;
    const origin = await originOf(`${rule.policy}#spec.rules[${rule.rule}]`);
    return origin === undefined ? rule : { ...rule, origin };
  };
  return {
    async addTo(record: CallRecord): Promise<CallRecord> {
      const { by, audit } = record;
      return {
        ...record,
        ...(by === undefined ? {} : { by: await located(by) }),
        ...(audit === undefined ? {} : { audit: await located(audit) }),
      };
    },
  };
}

const nothingAfter = (milliseconds: number): Promise<undefined> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(undefined), milliseconds).unref();
  });
