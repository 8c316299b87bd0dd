// Every case of the old language's own tests: type, value or complaint, and what was looked up.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatValue, isValueType, readAttributes } from '../../attributes/attribute-json.ts';
import { formatReferences, RecordingSource } from '../../attributes/bag.ts';
import { vocabularyOf } from '../../attributes/make-vocabulary.ts';
import type { AttributeValue, ValueType } from '../../attributes/value.ts';
import { compileIstio } from './compile-istio.ts';

interface Case {
  readonly expression: string;
  readonly type?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly manifest: Readonly<Record<string, ValueType>>;
  readonly result?: unknown;
  readonly error?: { readonly kind: 'compile' | 'eval'; readonly message: string };
  readonly referenced: readonly string[] | null;
}

const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL('../testing/mixer-expressions.json', import.meta.url), 'utf8'),
);

describe('cases of Istio', () => {
  test.each(cases.map((one, index) => ({ index, ...one })))('[MX-3] $index $expression', (one) => {
    const vocabulary = vocabularyOf(Object.entries(one.manifest).map(([name, type]) => ({ name, type })));
    const compiled = compileIstio(one.expression, { vocabulary });
    if (one.error?.kind === 'compile') {
      expect(compiled).toMatchObject({ ok: false, problem: { message: one.error.message } });
      return;
    }
    if (!compiled.ok) throw new Error(compiled.problem.message);
    expect(compiled.expression.type).toBe(one.type);
    const bag = readAttributes(one.attributes, vocabulary);
    if (!bag.ok) throw new Error(JSON.stringify(bag.diagnostics));
    const source = new RecordingSource(bag.value);
    const evaluated = compiled.expression.evaluate(source);
    if (one.error !== undefined) {
      expect(evaluated.ok ? 'a value' : evaluated.problem).toContain(one.error.message);
      expect(evaluated.ok ? '' : evaluated.problem.slice(0, one.error.message.length)).toBe(
        one.error.message,
      );
    } else if (evaluated.ok) expect(asResult(compiled.expression.type, evaluated.value)).toEqual(one.result);
    else throw new Error(evaluated.problem);
    if (one.referenced !== null) expect(formatReferences(source.references())).toEqual(one.referenced);
  });
});

/** Text and booleans are bare in the cases. */
function asResult(type: string, value: AttributeValue): unknown {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  expect(isValueType(type)).toBe(true);
  return { type, ...formatValue(value) };
}
