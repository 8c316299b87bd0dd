// Before anything else: adapters that produce attributes. Rule: what the caller said stands; an attribute that an adapter gives no value for is absent, one whose adapter failed cannot be read, so that no rule takes it for absent.
import type { AttributeSource, AttributeValue } from '../attributes/value.ts';
import { outputAttribute } from '../configuration/compile-instance.ts';
import type { CompiledAction } from '../configuration/compiled.ts';
import { type CallSource, keyOf } from './call-source.ts';
import { type EngineParts, matches } from './engine-parts.ts';

/** Asks them one after the other, so that the next may use what the one before produced; undefined when there are none. */
export function generate(
  parts: EngineParts,
  source: CallSource,
  signal?: AbortSignal,
): Promise<void> | undefined {
  const rules = parts.index.rulesFor('ATTRIBUTE_GENERATOR', source);
  if (rules.length === 0) return undefined;
  return (async () => {
    for (const { rule, actions } of rules) {
      const counter = parts.counters.of(rule);
      const answer = matches(rule, source);
      if (answer.kind === 'failed') counter.failed++;
      if (answer.kind !== 'yes') continue;
      counter.matched++;
      for (const action of actions) {
        if (!(await produce(parts, action, { source, signal }))) counter.failed++;
      }
    }
  })();
}

/** Fields of the instance that have no value are left out: an address without a name still finds a workload. */
async function produce(
  parts: EngineParts,
  action: CompiledAction,
  { source, signal }: { source: CallSource; signal: AbortSignal | undefined },
): Promise<boolean> {
  const slot = parts.slots.get(action.handler);
  const { instance: compiled } = action;
  if (compiled === undefined) return false;
  const fail = (): false => {
    source.spoil(compiled.bindings.map(({ attribute }) => attribute));
    return false;
  };
  if (slot === undefined) return fail();
  source.takeMissed();
  const { instance } = compiled.build(source);
  if (source.takeMissed() !== undefined) return fail();
  const answer = await slot.call((handler, limit) => handler.generate?.(instance, limit), signal);
  if (!answer.ok) return fail();
  const output = new OutputSource(source, answer.value);
  for (const { attribute, expression } of compiled.bindings) {
    const result = expression.evaluate(output);
    if (source.takeMissed() !== undefined) source.spoil([attribute]);
    else if (result.ok) source.produce(attribute, result.value);
  }
  return true;
}

/** What an adapter gave back, in front of the attributes of the call. */
class OutputSource implements AttributeSource {
  readonly #source: AttributeSource;
  readonly #output = new Map<string, AttributeValue>();

  constructor(source: AttributeSource, output: Readonly<Record<string, AttributeValue>>) {
    this.#source = source;
    for (const [field, value] of Object.entries(output)) this.#output.set(outputAttribute(field), value);
  }

  get(name: string): AttributeValue | undefined {
    return name.startsWith(outputs) ? this.#output.get(name) : this.#source.get(name);
  }

  hasMap(name: string): boolean {
    return name.startsWith(outputs) ? this.#output.get(name) instanceof Map : this.#source.hasMap(name);
  }

  getKey(name: string, key: string): string | undefined {
    if (!name.startsWith(outputs)) return this.#source.getKey(name, key);
    return keyOf(this.#output.get(name), key);
  }
}

const outputs = outputAttribute('');
