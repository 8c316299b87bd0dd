// Engines for tests: objects written short, time that stands still until it is told to move.
import type { Adapter } from '../adapters/sdk.ts';
import type { AttributeBag, AttributeValue } from '../attributes/value.ts';
import type { PolicyObject, PolicySpecs } from '../configuration/policy-object.ts';
import { createPolicyEngine } from '../engine/create-policy-engine.ts';
import type { BuiltEngine, EngineClock, PolicyEngineOptions } from '../engine/options.ts';

export interface TestClock extends EngineClock {
  /** Moves time and calls back what is due. */
  advance(milliseconds: number): void;
}

export function testClock(startMs = 1_000_000): TestClock {
  let now = startMs;
  const due = new Map<number, { at: number; callback: () => void }>();
  let next = 0;
  return {
    now: () => now,
    after: (milliseconds, callback) => {
      const id = next++;
      due.set(id, { at: now + milliseconds, callback });
      return () => due.delete(id);
    },
    random: () => 0.5,
    advance: (milliseconds) => {
      now += milliseconds;
      for (const [id, { at, callback }] of due) {
        if (at > now) continue;
        due.delete(id);
        callback();
      }
    },
  };
}

/** All that is ready to go on has gone on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

interface Written {
  readonly name: string;
  readonly namespace?: string;
}

const root = 'istio-system';

export const handler = (at: Written, compiledAdapter: string, params: unknown = {}): PolicyObject => ({
  kind: 'handler',
  namespace: root,
  ...at,
  spec: { compiledAdapter, params },
});

export const instance = (
  at: Written,
  compiledTemplate: string,
  params: unknown = {},
  attributeBindings: Readonly<Record<string, string>> = {},
): PolicyObject => ({
  kind: 'instance',
  namespace: root,
  ...at,
  spec: { compiledTemplate, params, attributeBindings },
});

type Rule = Partial<PolicySpecs['rule']> & { readonly send?: Readonly<Record<string, readonly string[]>> };

export const rule = (at: Written, { send = {}, ...spec }: Rule): PolicyObject => ({
  kind: 'rule',
  namespace: root,
  ...at,
  spec: {
    match: '',
    actions: Object.entries(send).map(([name, instances]) => ({ handler: name, instances, name: '' })),
    requestHeaderOperations: [],
    responseHeaderOperations: [],
    ...spec,
  },
});

export const manifest = (
  at: Written,
  attributes: PolicySpecs['attributemanifest']['attributes'],
): PolicyObject => ({
  kind: 'attributemanifest',
  namespace: root,
  ...at,
  spec: { revision: '1', producer: '', attributes },
});

export const bag = (attributes: Readonly<Record<string, AttributeValue>>): AttributeBag =>
  new Map(Object.entries(attributes));

export const engineOf = (
  objects: readonly PolicyObject[],
  adapters: readonly Adapter[],
  options: Partial<PolicyEngineOptions> = {},
): Promise<BuiltEngine> =>
  createPolicyEngine({ revision: 1, objects, adapters, clock: testClock(), rootNamespace: root, ...options });
