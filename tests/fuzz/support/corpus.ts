// What inputs are made from: the examples of every kind, and by field the values that they hold.
import { parseDocuments } from '../../../packages/config/src/index.ts';
import { listExamples } from '../../../packages/config/src/testing/corpus.ts';

export type Manifest = Readonly<Record<string, unknown>>;

const isManifest = (value: unknown): value is Manifest =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const examples = listExamples('valid').flatMap(({ text, file }) =>
  parseDocuments(text, file)
    .objects.map(({ value }) => value)
    .filter(isManifest),
);

/** Valid objects of the kinds' folders. */
export const examplesOf = (kind: string): readonly Manifest[] =>
  examples.filter((example) => example['kind'] === kind);

/** Texts of all examples, good and bad, for those who break texts. */
export const exampleTexts: readonly string[] = [...listExamples('valid'), ...listExamples('invalid')].map(
  ({ text }) => text.replaceAll(/^# expect .*$/gm, ''),
);

/** The values that fields of a name have somewhere. */
export type Pool = ReadonlyMap<string, readonly unknown[]>;

const most = 60;

function collect(value: unknown, field: string, pool: Map<string, unknown[]>): void {
  const seen = pool.get(field) ?? [];
  if (seen.length < most) pool.set(field, [...seen, value]);
  if (Array.isArray(value)) for (const item of value) collect(item, `${field}[]`, pool);
  else if (isManifest(value)) for (const [key, inner] of Object.entries(value)) collect(inner, key, pool);
}

/** Everything that the examples of a kind hold, by field; items of a list `hosts` are under `hosts[]`. */
export function poolOf(kind: string): Pool {
  const pool = new Map<string, unknown[]>();
  for (const example of examplesOf(kind)) collect(example, '', pool);
  pool.set('host', [
    ...(pool.get('host') ?? []),
    'reviews',
    'ratings',
    'mongo',
    'bank.example',
    'any.wild.example',
  ]);
  pool.set('hosts[]', [
    ...(pool.get('hosts[]') ?? []),
    'reviews',
    'mongo',
    'bank.example',
    '*',
    '*.wild.example',
  ]);
  pool.set('name', [...(pool.get('name') ?? []), 'http', 'a', 'v1', 'v2', 'edge']);
  return pool;
}
