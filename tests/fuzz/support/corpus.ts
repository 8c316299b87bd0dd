// What inputs are made from: the examples of every kind, and by field the values that they hold.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocuments, parseObject } from '../../../packages/config/src/index.ts';
import { listExamples } from '../../../packages/config/src/testing/corpus.ts';

export type Manifest = Readonly<Record<string, unknown>>;

const isManifest = (value: unknown): value is Manifest =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const root = join(import.meta.dirname, '..', '..', '..');

/** Inputs of goldens and YAML of the documentation: larger, and made to reach far. */
const otherTexts: readonly string[] = [
  ...readdirSync(join(root, 'packages'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.in.yaml') && !file.includes('node_modules'))
    .map((file) => readFileSync(join(root, 'packages', file), 'utf8')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => [
      ...readFileSync(join(root, 'docs', file), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```$/gm),
    ])
    .map(([, block = '']) => block),
].sort();

const examples = [...listExamples('valid').map(({ text }) => text), ...otherTexts].flatMap((text) =>
  parseDocuments(text, 'example.yaml')
    .objects.filter((raw) => parseObject(raw, { defaultNamespace: 'default' }).ok)
    .map(({ value }) => value)
    .filter(isManifest),
);

/** Valid objects of a kind. */
export const examplesOf = (kind: string): readonly Manifest[] =>
  examples.filter((example) => example['kind'] === kind);

/** Texts of all examples, good and bad, for those who break texts. */
export const exampleTexts: readonly string[] = [...listExamples('valid'), ...listExamples('invalid')].map(
  ({ text }) => text.replaceAll(/^# expect .*$/gm, ''),
);

/** The values that fields of a name have somewhere. */
export type Pool = ReadonlyMap<string, readonly unknown[]>;

const most = 200;

function collect(value: unknown, field: string, pool: Map<string, unknown[]>): void {
  const seen = pool.get(field) ?? [];
  if (seen.length < most) pool.set(field, [...seen, value]);
  if (Array.isArray(value)) for (const item of value) collect(item, `${field}[]`, pool);
  else if (isManifest(value)) for (const [key, inner] of Object.entries(value)) collect(inner, key, pool);
}

/** Everything that the examples of a kind hold, by field; items of a list `hosts` are under `hosts[]`. */
export const poolOf = (kind: string): Pool => poolFrom(examplesOf(kind));

/** The same of any values, with names of the small mesh besides. */
export function poolFrom(values: readonly unknown[]): Pool {
  const pool = new Map<string, unknown[]>();
  for (const value of values) collect(value, '', pool);
  for (const [field, names] of Object.entries(known)) pool.set(field, [...(pool.get(field) ?? []), ...names]);
  return pool;
}

const known = {
  host: ['reviews', 'ratings', 'mongo', 'bank.example', 'any.wild.example'],
  'hosts[]': ['reviews', 'mongo', 'bank.example', '*', '*.wild.example'],
  name: ['http', 'a', 'v1', 'v2', 'edge'],
} as const;
