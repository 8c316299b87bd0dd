// What a bucket of a proxy stands for: which quota, how much a request takes, and what is known of its requests. The rule: a proxy takes only from quotas that requests to its own workload take from.
import type { AttributeValue } from '@xebec/policy';
import type { BucketId } from '@xebec/protos/envoy/service/rate_limit_quota/v3/rlqs_pb';
import type { BagBuilder } from '../attributes/bag-builder.ts';
import { knowService, knowSide } from '../attributes/workload-attributes.ts';
import { sayPeer } from '../proxies/call-facts.ts';
import type { ProxySide } from '../proxies/side.ts';
import { readTextAttributes } from '../proxies/text-attributes.ts';
import type { Gate } from '../rpc/gate.ts';
import type { Take } from './assignments.ts';

/** Keys of a bucket: its quota (without it the stream's domain names one), units of a request, who calls; others are attributes. */
const keys = { quota: 'quota', charge: 'charge', caller: 'source.principal' } as const;

const door = 'rate-limit-quota';

export interface BucketOf {
  readonly side: ProxySide;
  readonly domain: string;
  readonly id: BucketId;
}

/** The quota is of no request that the proxy could see. */
class ForeignQuota extends Error {}

export function unlessForeign(problem: unknown): undefined {
  if (problem instanceof ForeignQuota) return undefined;
  throw problem;
}

export function bucketTerms(
  gate: Gate,
  { side, domain, id }: BucketOf,
): { readonly charge: bigint; readonly take: Take } {
  const { [keys.quota]: quota = domain, [keys.charge]: charge = '1', ...entries } = id.bucket;
  const isBound = side.identity !== undefined;
  return {
    charge: /^[1-9]\d{0,14}$/.test(charge) ? BigInt(charge) : 1n,
    take: async (amount) => {
      const attributes = bagOf(gate, side, entries).bag;
      const verdict = await gate.engine().assign({ quota, amount, attributes, isBound });
      if (verdict === undefined) throw new ForeignQuota(`no request to this workload takes from ${quota}`);
      if (amount > 0n) gate.metrics.countQuota(door, verdict.granted > 0n);
      const { granted, remaining, validDurationMs } = verdict;
      const isKnown = remaining !== undefined && validDurationMs > 0;
      return {
        granted: granted > amount ? amount : granted,
        ...(isKnown ? { remaining: remaining < 0n ? 0n : remaining } : {}),
        validMs: isKnown ? validDurationMs : Number.POSITIVE_INFINITY,
      };
    },
  };
}

function bagOf(gate: Gate, side: ProxySide, entries: Readonly<Record<string, string>>): BagBuilder {
  const { [keys.caller]: caller, ...rest } = entries;
  const bag = gate.newBag(door);
  readTextAttributes(bag, gate.vocabulary(), Object.entries(rest));
  if (caller !== undefined) sayPeer(bag, caller);
  const isInbound = side.direction === 'inbound';
  knowSide(bag, isInbound ? 'destination' : 'source', side);
  const kind: AttributeValue = side.direction;
  bag.know('context.reporter.kind', kind);
  // Of several nobody knows which one is called: their quotas do not depend on it.
  if (isInbound) knowService(bag, side.workload?.services[0]);
  return bag;
}
