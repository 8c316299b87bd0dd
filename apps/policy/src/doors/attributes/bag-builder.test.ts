// What is left out, and what of it is told from what is absent.
import type { AttributeValue } from '@xebec/policy';
import { expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { testVocabulary } from '../testing/vocabulary.ts';
import { BagBuilder } from './bag-builder.ts';

const build = (said: Readonly<Record<string, AttributeValue>>) => {
  const builder = new BagBuilder({
    vocabulary: testVocabulary,
    limits: defaultLimits,
    countDrop: () => undefined,
  });
  for (const [name, value] of Object.entries(said)) builder.set(name, value);
  return builder;
};

test('what is too large or malformed is there, and cannot be read', () => {
  const many = new Map(Array.from({ length: 257 }, (_, index) => [`p${index}`, '1']));
  const { bag } = build({
    'request.path': 'x'.repeat(65_537),
    'request.headers': new Map([
      ['good', 'g'],
      ['bad', '\ud800'],
    ]),
    'request.query_params': many,
    'no.such': 'x',
    'request.size': 'five',
  });
  expect([...bag.keys()]).toEqual(['request.headers']);
  expect(bag.unreadable).toEqual(
    new Map([
      ['request.path', new Set()],
      ['request.headers', new Set(['bad'])],
      ['request.query_params', new Set()],
    ]),
  );
});

test('what the door knows better, or what comes in its place, can be read', () => {
  const builder = build({ 'source.namespace': '\ufffd', 'request.path': '\ufffd' });
  builder.know('source.namespace', 'shop');
  builder.set('request.path', '/');
  expect(builder.bag.unreadable?.size).toBe(0);
});
