// Reports: each bag becomes instances for the rules whose match holds, and waits for its handler. Rule: a report never fails its caller; what is lost is counted.
import type { AttributeBag } from '../attributes/value.ts';
import type { CompiledAction } from '../configuration/compiled.ts';
import { CallSource } from './call-source.ts';
import { describeRequest } from './describe-request.ts';
import { type EngineParts, matches } from './engine-parts.ts';
import { generate } from './generate.ts';
import type { HandlerSlot } from './handler-slot.ts';
import { isAboutDestination } from './named-destination.ts';
import type { RuleSamplers } from './sampling.ts';

export async function runReport(
  parts: EngineParts & { readonly samplers: RuleSamplers },
  bags: readonly AttributeBag[],
  isPassing = false,
): Promise<void> {
  const touched = new Set<HandlerSlot>();
  for (const bag of bags) {
    const source = new CallSource(bag, { isRecording: false, isLenient: true });
    describeRequest(parts, source);
    const preparing = generate(parts, source);
    if (preparing !== undefined) await preparing;
    reportOne(parts, source, { touched, isPassing });
  }
  const rooms: Promise<void>[] = [];
  for (const { queue } of touched) {
    queue.flush();
    const room = queue.room();
    if (room !== undefined) rooms.push(room);
  }
  if (rooms.length > 0) await Promise.all(rooms);
}

function reportOne(
  parts: EngineParts & { readonly samplers: RuleSamplers },
  source: CallSource,
  { touched, isPassing }: { readonly touched: Set<HandlerSlot>; readonly isPassing: boolean },
): void {
  for (const { rule, actions } of parts.index.rulesFor('REPORT', source)) {
    const answer = matches(rule, source);
    if (answer.kind === 'no' || (isPassing && !isAboutDestination(rule.match, source))) continue;
    const counter = parts.counters.of(rule);
    if (answer.kind === 'failed') {
      counter.failed++;
      continue;
    }
    counter.matched++;
    if (!parts.samplers.isTaken(rule, source)) {
      counter.unsampled++;
      continue;
    }
    let isWhole = true;
    for (const action of actions) isWhole = enqueue(parts, action, { source, touched }) && isWhole;
    if (!isWhole) counter.failed++;
  }
}

/** An instance goes out with the fields it has; false when there is none, or some are missing. */
function enqueue(
  parts: EngineParts,
  { instance, handler }: CompiledAction,
  { source, touched }: { source: CallSource; touched: Set<HandlerSlot> },
): boolean {
  const slot = parts.slots.get(handler);
  if (instance === undefined || slot === undefined) return false;
  const built = instance.build(source);
  slot.queue.push(built.instance);
  touched.add(slot);
  return built.faults.length === 0;
}
