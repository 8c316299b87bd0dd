// What programs ask: the same for gRPC, sessions, HTTP and Mixer's clients. Attributes are taken as far as the caller may say them; amounts below 0 are nobody's to ask for.
import { status } from '@grpc/grpc-js';
import type {
  AttributeBag,
  AttributeReference,
  AttributeValue,
  CheckOutcome,
  QuotaArguments,
  QuotaVerdict,
} from '@xebec/policy';
import type { BagBuilder, Dropped } from '../attributes/bag-builder.ts';
import { knowApp, sayAs } from '../attributes/ownership.ts';
import { principalOf } from '../attributes/workload-attributes.ts';
import type { Caller } from '../callers/caller.ts';
import type { DoorName } from '../metrics.ts';
import type { Ask } from '../options.ts';
import type { Gate } from '../rpc/gate.ts';
import { isRefusal, type Refusal, refusal } from '../rpc/refusal.ts';
import { Grant, GrantBook } from './grants.ts';
import { unfoldBags } from './report-bags.ts';
import { ReportBook } from './report-book.ts';

export type SaidAttributes = Iterable<readonly [string, AttributeValue]>;

export interface Asking {
  readonly door: DoorName;
  readonly caller: Caller;
  readonly signal?: AbortSignal;
}

export interface AskedQuota {
  readonly amount: bigint;
  readonly isBestEffort: boolean;
}

export interface CheckAsked {
  readonly attributes: SaidAttributes;
  readonly quotas: ReadonlyMap<string, AskedQuota>;
  readonly deduplicationId: string;
}

export interface AllocationAsked extends AskedQuota {
  readonly quota: string;
  readonly attributes: SaidAttributes;
  readonly deduplicationId: string;
}

export interface ReleaseAsked {
  readonly quota: string;
  readonly amount: bigint;
  readonly deduplicationId: string;
}

export interface Decision {
  readonly outcome: CheckOutcome;
  readonly dropped: readonly Dropped[];
  /** Those that the caller can compare: it does not know what the door knows better. */
  comparable(references: readonly AttributeReference[]): readonly AttributeReference[];
}

export interface Reported {
  readonly accepted: number;
  /** Attributes. */
  readonly dropped: number;
  /** It had been taken before. */
  readonly isRepeated?: true;
}

/** A grant that its taker can give back by calling: what it has not given back by its id. */
export interface Allocation {
  readonly verdict: QuotaVerdict;
  isGivenBack(): boolean;
  release(): Promise<void>;
}

export interface PolicyCalls {
  check(asking: Asking, asked: CheckAsked): Promise<Decision | Refusal>;
  /** How many attributes were left out. Waits for room, so that a caller that waits for it is slowed down. */
  report(asking: Asking, bags: Iterable<AttributeBag>, deduplicationId?: string): Promise<Reported | Refusal>;
  allocate(asking: Asking, asked: AllocationAsked): Promise<Allocation | Refusal>;
  release(asking: Asking, asked: ReleaseAsked): Promise<QuotaVerdict | Refusal>;
  inspect(asking: Asking, quota: string, attributes: SaidAttributes): Promise<QuotaVerdict | Refusal>;
}

const nobody = '-';

/** Ids and grants of one caller are no other's. */
const ownerOf = ({ identity }: Caller): string => (identity === undefined ? nobody : principalOf(identity));

const scopedId = (caller: Caller, id: string): string => (id === '' ? '' : `${ownerOf(caller)}\0${id}`);

const mostIdBytes = 256;

export function createPolicyCalls(gate: Gate): PolicyCalls {
  const grants = new GrantBook(gate.now);
  const reports = new ReportBook(gate.now);
  const bagOf = ({ caller, door }: Asking, said: SaidAttributes): BagBuilder => {
    const bag = gate.newBag(door);
    sayAs(caller, bag, said);
    knowApp(caller, bag, gate.workloads);
    return bag;
  };
  const mayNot = ({ caller }: Asking, ask: Ask): Refusal | undefined =>
    caller.kind === 'app' && caller.identity === undefined && !gate.anonymousMay.has(ask)
      ? anonymousMayNot[ask]
      : undefined;
  return {
    async check(asking, asked) {
      const refused =
        mayNot(asking, 'check') ?? (asked.quotas.size > 0 ? mayNot(asking, 'quota') : undefined);
      return refused ?? check(gate, asking, { ...asked, bag: bagOf(asking, asked.attributes), grants });
    },
    async report(asking, bags, deduplicationId = '') {
      const refused = mayNot(asking, 'report') ?? refuseId(deduplicationId);
      if (refused !== undefined) return refused;
      return reports.once(scopedId(asking.caller, deduplicationId), async () => {
        const unfolded = unfoldBags(bags, gate.limits);
        if (isRefusal(unfolded)) return unfolded;
        const built = unfolded.map((bag) => bagOf(asking, bag));
        gate.metrics.countBags(asking.door, built.length);
        await gate.engine().report(built.map(({ bag }) => bag));
        return {
          accepted: built.length,
          dropped: built.reduce((sum, { dropped }) => sum + dropped.length, 0),
        };
      });
    },
    async allocate(asking, { quota, attributes, deduplicationId, ...asked }) {
      const refused =
        mayNot(asking, 'quota') ?? refuseAmount(asking.caller, asked.amount) ?? refuseId(deduplicationId);
      if (refused !== undefined) return refused;
      const { bag } = bagOf(asking, attributes);
      const id = scopedId(asking.caller, deduplicationId);
      const verdict = await gate.engine().allocate(quota, { ...asked, deduplicationId: id }, bag);
      gate.metrics.countQuota(asking.door, verdict.status.code === 0);
      const granted = grantOf(gate, verdict, bag);
      const isRepeat = verdict.isRepeat === true;
      const grant = id === '' ? granted : grants.remember(`${quota}\0${id}`, granted, { isRepeat });
      const release = async (): Promise<void> => {
        const amount = grant.take(0n, gate.now());
        if (amount > 0n) await giveBack(gate, quota, { amount, attributes: bag, id });
      };
      return { verdict, release, isGivenBack: () => grant.isEmpty };
    },
    async release(asking, { quota, amount, deduplicationId }) {
      const unknown = mayNot(asking, 'quota');
      if (unknown !== undefined) return unknown;
      const { caller } = asking;
      if (amount < 0n) return negative;
      const id = scopedId(caller, deduplicationId);
      const grant = grants.take(`${quota}\0${id}`, amount);
      return grant === undefined ? unknownGrant : giveBack(gate, quota, { ...grant, id });
    },
    async inspect(asking, quota, attributes) {
      const asked = { amount: 0n, isBestEffort: true, deduplicationId: '' };
      return mayNot(asking, 'quota') ?? gate.engine().allocate(quota, asked, bagOf(asking, attributes).bag);
    },
  };
}

const notAnonymously = (what: string): Refusal =>
  refusal(
    status.UNAUTHENTICATED,
    `who calls without proof of identity may not ${what} here: send a token in "authorization: Bearer …", or call through the sidecar or with a client certificate of the mesh`,
  );

const anonymousMayNot: Readonly<Record<Ask, Refusal>> = {
  check: notAnonymously('check calls'),
  report: notAnonymously('report'),
  quota: notAnonymously('take quota'),
};

const negative = refusal(status.INVALID_ARGUMENT, 'an amount is 0 or more; give back with ReleaseQuota');
const unknownGrant = refusal(
  status.NOT_FOUND,
  'no allocation of yours with this deduplication id is known: allocate with one, and give back within the hour',
);

const refuseAmount = (caller: Caller, amount: bigint): Refusal | undefined =>
  amount < 0n && caller.kind !== 'believed' ? negative : undefined;

const refuseId = (id: string): Refusal | undefined =>
  id.length > mostIdBytes
    ? refusal(status.INVALID_ARGUMENT, `a deduplication id has ${mostIdBytes} bytes at most`)
    : undefined;

function giveBack(
  gate: Gate,
  quota: string,
  {
    amount,
    attributes,
    id,
  }: { readonly amount: bigint; readonly attributes: AttributeBag; readonly id: string },
): Promise<QuotaVerdict> {
  const released = id === '' ? {} : { releasedId: id };
  const asked = { amount: -amount, isBestEffort: true, deduplicationId: '', ...released };
  return gate.engine().allocate(quota, asked, attributes);
}

/** Until what was granted is free by itself. */
const grantOf = (
  { now }: Gate,
  { granted, validDurationMs }: QuotaVerdict,
  attributes: AttributeBag,
): Grant => new Grant(granted, attributes, now() + validDurationMs);

async function check(
  gate: Gate,
  { caller, door, signal }: Asking,
  asked: CheckAsked & { readonly bag: BagBuilder; readonly grants: GrantBook },
): Promise<Decision | Refusal> {
  const { bag, deduplicationId } = asked;
  if (asked.quotas.size > gate.limits.quotas)
    return refusal(status.INVALID_ARGUMENT, `more than ${gate.limits.quotas} quotas in one check`);
  const id = scopedId(caller, deduplicationId);
  const quotas = new Map<string, QuotaArguments>();
  for (const [name, quota] of asked.quotas) {
    const refused = refuseAmount(caller, quota.amount) ?? refuseId(deduplicationId);
    if (refused !== undefined) return refused;
    quotas.set(name, { ...quota, deduplicationId: id });
  }
  const outcome = await gate.engine().check({ attributes: bag.bag, quotas }, signal);
  gate.metrics.countDecision(door, outcome.status.code === 0);
  for (const [name, verdict] of outcome.quotas) {
    gate.metrics.countQuota(door, verdict.status.code === 0);
    if (id !== '')
      asked.grants.remember(`${name}\0${id}`, grantOf(gate, verdict, bag.bag), {
        isRepeat: verdict.isRepeat === true,
      });
  }
  return {
    outcome,
    dropped: bag.dropped,
    comparable: (references) => references.filter(({ name }) => !bag.ownNames.has(name)),
  };
}
