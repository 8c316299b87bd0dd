// `istio.mixer.v1.Mixer`, so that clients of Istio 1.4's policy service work as they are.
import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import type { AttributeBag, AttributeValue } from '@xebec/policy';
import { Mixer, ReportResponseSchema } from '@xebec/protos/istio/mixer/v1/mixer_pb';
import type { Caller } from '../callers/caller.ts';
import type { PolicyCalls } from '../calls/policy-calls.ts';
import { unfoldBags } from '../calls/report-bags.ts';
import type { Gate } from '../rpc/gate.ts';
import { isRefusal, type Refusal, refusal } from '../rpc/refusal.ts';
import { type CallContext, type Method, unaryMethod } from '../rpc/unary.ts';
import { mixerAnswer } from './answers.ts';
import { bagsOf, decompressInto } from './decompress.ts';
import { globalWords } from './global-words.ts';

const door = 'mixer';

/** `comers`: who can be at the other end. */
export function mixerMethods(
  gate: Gate,
  calls: PolicyCalls,
  comers: 'programs' | 'proxies',
): readonly Method[] {
  const kindOf = (caller: Caller, bag: AttributeBag): Caller =>
    comers === 'proxies' ? callerOf(caller, bag) : caller;
  const on = { door, callers: 'apps', gate } as const;
  const malformed = (): void => gate.metrics.countDrop(door, 'malformed');
  return [
    unaryMethod(on, Mixer.method.check, async (request, { caller, signal }: CallContext) => {
      const refused = refuseWords(request.globalWordCount);
      if (refused !== undefined) return refused;
      const attributes = new Map<string, AttributeValue>();
      if (request.attributes !== undefined) decompressInto(attributes, request.attributes, { malformed });
      const quotas = Object.entries(request.quotas).map(
        ([name, { amount, bestEffort }]) => [name, { amount, isBestEffort: bestEffort }] as const,
      );
      const decision = await calls.check(
        { door, caller: kindOf(caller, attributes), signal },
        { attributes, quotas: new Map(quotas), deduplicationId: request.deduplicationId },
      );
      return isRefusal(decision) ? decision : mixerAnswer(decision, knownWords(request.globalWordCount));
    }),
    unaryMethod(on, Mixer.method.report, async (request, { caller }: CallContext) => {
      const refused = refuseWords(request.globalWordCount);
      if (refused !== undefined) return refused;
      const unfolded = unfoldBags(bagsOf(request, malformed), gate.limits);
      if (isRefusal(unfolded)) return unfolded;
      for (const [kind, bags] of groupByKind(unfolded, (bag) => kindOf(caller, bag).kind)) {
        const taken = await calls.report({ door, caller: { ...caller, kind } }, bags);
        if (isRefusal(taken)) return taken;
      }
      return create(ReportResponseSchema);
    }),
  ];
}

/** 0: an old client that does not say. */
const knownWords = (count: number): number =>
  count === 0 ? globalWords.length : Math.min(count, globalWords.length);

const refuseWords = (count: number): Refusal | undefined =>
  count > globalWords.length
    ? refusal(status.INVALID_ARGUMENT, `the dictionary has ${globalWords.length} words, not ${count}`)
    : undefined;

/**
 * Proxies of old report what came to their own workload, and may say all they saw. It is believed where only proxies
 * come in, of who proves by certificate to be of the namespace that the call went to; whoever else says so is a program.
 */
export function callerOf(caller: Caller, bag: AttributeBag): Caller {
  const isInbound = bag.get('context.reporter.kind') === 'inbound';
  const isOwn =
    caller.proof === 'certificate' &&
    caller.identity !== undefined &&
    bag.get('destination.namespace') === caller.identity.namespace;
  return caller.kind === 'app' && isInbound && isOwn ? { ...caller, kind: 'proxy' } : caller;
}

function groupByKind(
  bags: readonly AttributeBag[],
  kindOf: (bag: AttributeBag) => Caller['kind'],
): Map<Caller['kind'], AttributeBag[]> {
  const groups = new Map<Caller['kind'], AttributeBag[]>();
  for (const bag of bags) {
    const kind = kindOf(bag);
    const group = groups.get(kind);
    if (group === undefined) groups.set(kind, [bag]);
    else group.push(bag);
  }
  return groups;
}
