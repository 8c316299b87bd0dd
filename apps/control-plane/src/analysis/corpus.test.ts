// The corpus: for every code an example that has it, and everything that is found in it. UPDATE_GOLDENS=1 writes the findings anew.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseDocuments } from '@xebec/config';
import { type Finding, findingRules } from '@xebec/mesh';
import { expect, test } from 'vitest';
import { analyzeDocuments } from './analyze-documents.ts';

const folder = new URL('./corpus/', import.meta.url);
const cases = readdirSync(folder).flatMap((file) =>
  file.endsWith('.in.yaml') ? [file.slice(0, -'.in.yaml'.length)] : [],
);
const read = (file: string): string => readFileSync(new URL(file, folder), 'utf8');
const base = parseDocuments(read('base.yaml'), 'base.yaml').objects;

const find = (name: string): readonly Finding[] =>
  analyzeDocuments([...base, ...parseDocuments(read(`${name}.in.yaml`), `${name}.in.yaml`).objects], {
    defaultNamespace: 'default',
  });

const lineOf = (finding: Finding): string => {
  const {
    severity,
    code,
    reason,
    kind,
    namespace,
    name,
    origin,
    field = '-',
    message,
    remedy = '',
  } = finding;
  return `${severity} ${code} ${reason}\n  ${kind}/${namespace}/${name} ${origin} ${field}\n  ${message}\n  ${remedy}\n`;
};

test('what every case is laid over has no findings', () => {
  expect(analyzeDocuments(base, { defaultNamespace: 'default' })).toEqual([]);
});

test.each(cases)('%s', (name) => {
  const findings = find(name);
  const output = new URL(`${name}.findings.txt`, folder);
  const text = findings.map(lineOf).join('');
  if (process.env['UPDATE_GOLDENS'] === '1') writeFileSync(output, text);
  expect(findings.map(({ code }) => code)).toContain(name.split('-', 1)[0]);
  expect(existsSync(output), 'run with UPDATE_GOLDENS=1 and read what it wrote').toBe(true);
  expect(text).toBe(readFileSync(output, 'utf8'));
});

/** Found only where a mesh runs, or hard to write down. */
const withoutCase: ReadonlySet<string> = new Set([
  // A mistake of our own: analyze-mesh.test.ts.
  'IST0001',
  // Two of sixteen million names that have one hash.
  'XB0102',
  // Envoy itself refuses: tests/e2e/envoy-filter.test.ts.
  'XB0302',
]);

test('every code has a case', () => {
  const covered = new Set(cases.map((name) => name.split('-', 1)[0] ?? ''));
  const missing = findingRules.map(({ code }) => code).filter((code) => !covered.has(code));
  expect(missing.filter((code) => !withoutCase.has(code))).toEqual([]);
});

test('codes and reasons are each there once', () => {
  const codes = findingRules.map(({ code }) => code);
  const reasons = findingRules.flatMap((rule): readonly string[] => rule.reasons);
  expect(new Set(codes).size).toBe(codes.length);
  expect(new Set(reasons).size).toBe(reasons.length);
  expect([...codes].sort()).toEqual(codes);
});
