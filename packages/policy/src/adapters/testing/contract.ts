// What every adapter must do, whatever it does: tests that each adapter runs over itself.
import { describe, expect, it } from 'vitest';
import { standardTemplates } from '../../templates/catalog.ts';
import type { Instance, Template } from '../../templates/template.ts';
import type { Adapter, Handler, HandlerContext, InferredTypes } from '../sdk.ts';

export interface ContractCase {
  readonly adapter: Adapter;
  /** Parameters that are good and need nothing that is not there. */
  readonly params: unknown;
  /** Parameters that are wrong, with the field that must be named. */
  readonly wrong: readonly { readonly params: unknown; readonly field: string }[];
}

const signal = new AbortController().signal;
const asked = { amount: 1n, isBestEffort: false, deduplicationId: '' };

/** Instances as no one should write them, and as someone will. */
function hostileInstances(template: string): readonly Instance[] {
  const proto: Record<string, string> = JSON.parse('{"__proto__": "x", "constructor": "y"}');
  const values = [
    {},
    { value: '' },
    { value: 'x'.repeat(100_000) },
    { value: '__proto__' },
    { value: '\u0000\ud800' },
    { value: -(2n ** 63n) },
    { value: Number.NaN },
    { value: new Uint8Array(3) },
    { value: new Map([['__proto__', 'x']]), dimensions: proto, variables: proto },
    { subject: proto, action: { properties: proto }, dimensions: {} },
    {
      source_uid: '..',
      destination_uid: 'kubernetes://.',
      source_ip: new Uint8Array(5),
      destination_port: -1n,
    },
  ];
  return values.map((fields) => ({ template, name: `hostile.instance.default`, fields }));
}

async function callAll(handler: Handler, template: Template): Promise<void> {
  const instances = hostileInstances(template.name);
  for (const instance of instances) {
    switch (template.variety) {
      case 'CHECK':
      case 'CHECK_WITH_OUTPUT': {
        const verdict = await handler.check?.(instance, signal);
        expect(Number.isInteger(verdict?.status.code)).toBe(true);
        break;
      }
      case 'QUOTA': {
        const verdict = await handler.allocate?.(instance, asked, signal);
        expect(typeof verdict?.granted).toBe('bigint');
        break;
      }
      case 'ATTRIBUTE_GENERATOR':
        expect(typeof (await handler.generate?.(instance, signal))).toBe('object');
        break;
      case 'REPORT':
        await handler.report?.([instance], signal);
    }
  }
  if (template.variety === 'REPORT') await handler.report?.(instances, signal);
}

const method = {
  CHECK: 'check',
  CHECK_WITH_OUTPUT: 'check',
  QUOTA: 'allocate',
  REPORT: 'report',
  ATTRIBUTE_GENERATOR: 'generate',
} as const;

/** Runs the contract; call it at the top of an adapter's test file. */
export function checkAdapterContract({ adapter, params, wrong }: ContractCase): void {
  const templates = adapter.templates.includes('*')
    ? [...standardTemplates.values()]
    : adapter.templates.flatMap((name) => standardTemplates.get(name) ?? []);

  describe(`the adapter ${adapter.name}`, () => {
    it('says what it is, and takes templates that there are', () => {
      expect(adapter.name).toMatch(/^[a-z][a-z0-9]*$/);
      expect(adapter.description.length).toBeGreaterThan(10);
      expect(templates.length).toBeGreaterThan(0);
      if (!adapter.templates.includes('*')) expect(templates).toHaveLength(adapter.templates.length);
    });

    it('names the field of a parameter that is wrong, and what to write', () => {
      for (const bad of [
        ...wrong,
        { params: { __unknown: 1 }, field: '__unknown' },
        { params: 'text', field: '' },
      ]) {
        const parsed = adapter.parse(bad.params);
        if (parsed.ok) throw new Error(`${JSON.stringify(bad.params)} was taken`);
        expect(parsed.diagnostics.map(({ field }) => field ?? '')).toContain(bad.field);
        for (const { remedy } of parsed.diagnostics) expect(remedy).toBeTruthy();
      }
    });

    it('gives the same for the same parameters, so that a handler can be kept', () => {
      expect(adapter.parse(params)).toEqual(adapter.parse(structuredClone(params)));
    });

    it('serves each of its templates, answers hostile instances, and closes twice without harm', async () => {
      const context = contextFor(templates);
      const parsed = adapter.parse(params);
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
      const handler = await adapter.build(parsed.value, context);
      for (const template of templates) {
        expect(handler[method[template.variety]], template.name).toBeTypeOf('function');
        await callAll(handler, template);
      }
      await handler.close?.();
      await handler.close?.();
      expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
    });
  });
}

function contextFor(templates: readonly Template[]): HandlerContext {
  const types: InferredTypes = { value: 'INT64' };
  return {
    name: 'h.handler.default',
    namespace: 'default',
    instances: new Map(templates.map((template) => ['hostile.instance.default', { template, types }])),
    now: () => 1_000_000,
    reportProblem: () => undefined,
    countLoss: () => undefined,
    countTaken: () => undefined,
  };
}
