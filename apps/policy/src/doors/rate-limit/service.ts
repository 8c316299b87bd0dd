// `envoy.service.ratelimit.v3.RateLimitService`: the domain names a quota, the entries of a descriptor are attributes.
import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { isInt64, type QuotaVerdict } from '@xebec/policy';
import { HeaderValueSchema } from '@xebec/protos/envoy/config/core/v3/base_pb';
import {
  RateLimitResponse_Code as Code,
  type RateLimitRequest,
  type RateLimitResponse,
  RateLimitResponse_DescriptorStatusSchema,
  RateLimitResponseSchema,
  RateLimitService,
} from '@xebec/protos/envoy/service/ratelimit/v3/rls_pb';
import type { BagBuilder } from '../attributes/bag-builder.ts';
import { knowService, knowSide } from '../attributes/workload-attributes.ts';
import { quotaHeaders } from '../ext-authz/answers.ts';
import { type ProxySide, proxySideOf } from '../proxies/side.ts';
import { readTextAttributes } from '../proxies/text-attributes.ts';
import type { Gate } from '../rpc/gate.ts';
import { isRefusal, type Refusal, refusal } from '../rpc/refusal.ts';
import { protoDurationOfMs } from '../rpc/times.ts';
import { type Method, unaryMethod } from '../rpc/unary.ts';

const door = 'rate-limit';

/** Descriptors of one call. */
const mostDescriptors = 32;

export function rateLimitMethods(gate: Gate): readonly Method[] {
  return [
    unaryMethod(
      { door, callers: 'proxies', gate },
      RateLimitService.method.shouldRateLimit,
      async (request, context) => {
        const side = proxySideOf(context.caller, context.metadata, gate.workloads);
        return isRefusal(side) ? side : limit(gate, side, request);
      },
    ),
  ];
}

async function limit(
  gate: Gate,
  side: ProxySide,
  { domain, descriptors, hitsAddend }: RateLimitRequest,
): Promise<RateLimitResponse | Refusal> {
  if (domain === '') return refusal(status.INVALID_ARGUMENT, 'the domain names a quota');
  if (descriptors.length > mostDescriptors)
    return refusal(status.INVALID_ARGUMENT, `more than ${mostDescriptors} descriptors`);
  const asked = descriptors.map(({ entries, hitsAddend: own }) => ({
    said: entries.map(({ key, value }) => [key, value] as const),
    hits: own === undefined ? BigInt(hitsAddend === 0 ? 1 : hitsAddend) : own,
  }));
  if (asked.some(({ hits }) => !isInt64(hits)))
    return refusal(status.INVALID_ARGUMENT, 'hits of a descriptor are 9223372036854775807 at most');
  if (!(await mayTakeFrom(gate, side, domain)))
    return refusal(status.PERMISSION_DENIED, `no request to this proxy's workload takes from ${domain}`);
  const verdicts = await Promise.all(
    asked.map(({ said, hits }) => {
      const { bag } = bagOf(gate, side, said);
      return gate.engine().allocate(domain, { amount: hits, isBestEffort: false, deduplicationId: '' }, bag);
    }),
  );
  const missing = verdicts.find(({ status: { code } }) => code !== 0 && code !== status.RESOURCE_EXHAUSTED);
  // No decision: the proxy does what its filter says about failures.
  if (missing !== undefined) return refusal(missing.status.code, missing.status.message);
  for (const {
    status: { code },
  } of verdicts)
    gate.metrics.countQuota(door, code === 0);
  return answer(verdicts);
}

function bagOf(gate: Gate, side: ProxySide, entries: readonly (readonly [string, string])[]): BagBuilder {
  const bag = gate.newBag(door);
  readTextAttributes(bag, gate.vocabulary(), entries);
  knowSide(bag, side.direction === 'inbound' ? 'destination' : 'source', side);
  return bag;
}

/** A proxy takes only from quotas that requests to its own workload take from. */
async function mayTakeFrom(gate: Gate, side: ProxySide, quota: string): Promise<boolean> {
  if (side.identity === undefined) return true;
  const bag = bagOf(gate, side, []);
  if (side.direction === 'inbound') knowService(bag, side.workload?.services[0]);
  return (
    (await gate.engine().assign({ quota, amount: 0n, attributes: bag.bag, isBound: true })) !== undefined
  );
}

const isOver = ({ status: { code } }: QuotaVerdict): boolean => code !== 0;

const mostRemaining = 2 ** 32 - 1;

function answer(verdicts: readonly QuotaVerdict[]): RateLimitResponse {
  const over = verdicts.find(isOver);
  const headers = quotaHeaders(over).flatMap(({ header }) => header ?? []);
  return create(RateLimitResponseSchema, {
    overallCode: over === undefined ? Code.OK : Code.OVER_LIMIT,
    statuses: verdicts.map((verdict) =>
      create(RateLimitResponse_DescriptorStatusSchema, {
        code: isOver(verdict) ? Code.OVER_LIMIT : Code.OK,
        limitRemaining: Math.max(0, Math.min(Number(verdict.remaining ?? 0n), mostRemaining)),
        ...(verdict.resetMs === undefined ? {} : { durationUntilReset: protoDurationOfMs(verdict.resetMs) }),
      }),
    ),
    responseHeadersToAdd: headers.map(({ key, value }) => create(HeaderValueSchema, { key, value })),
  });
}
