// Names of Pods: valid, distinct, and the same after a restart.
import { expect, test } from 'vitest';
import { freePodName, podName, templateHash } from './pod-names.ts';

test('a replica keeps its name, and another template or namespace gives others', () => {
  const hash = templateHash('default', { a: 1, b: 2 });
  expect(templateHash('default', { b: 2, a: 1 })).toBe(hash);
  expect(templateHash('other', { a: 1, b: 2 })).not.toBe(hash);
  expect(podName('reviews-v1', hash, 0)).toBe(podName('reviews-v1', hash, 0));
  expect(podName('reviews-v1', hash, 0)).toMatch(/^reviews-v1-[a-z0-9]{9}-[a-z0-9]{5}$/);
});

test('the first free name is taken, and long names are cut', () => {
  const names = new Set<string>();
  for (let count = 0; count < 100; count += 1) names.add(freePodName('a', 'hash', (name) => names.has(name)));
  expect(names.size).toBe(100);
  expect(podName('x'.repeat(100), 'abcdefghi', 0)).toHaveLength(63);
});
