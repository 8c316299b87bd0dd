// Paths as Envoy rewrites them in each mode, and the templates that they fit.
import { expect, test } from 'vitest';
import { fitsTemplate, normalizePath } from './paths.ts';

test.each([
  ['/', '/'],
  ['/a/./b', '/a/b'],
  ['/a/../b', '/b'],
  ['/a/..', '/'],
  ['/a/b/..', '/a/'],
  ['/../../a', '/a'],
  ['/a/%2E%2e/b', '/b'],
  ['/a\\..\\b', '/b'],
  ['/%61%7e%2F', '/a~%2F'],
  ['//a//b', '//a//b'],
  ['/a%2%46b', '/a%252Fb'],
  ['/%%346', '/%2546'],
  ['/%%30%30', '/%2500'],
  ['/%zz%', '/%zz%'],
  ['/a|b', '/a%7Cb'],
  ['/a/..;x/b', '/b'],
  ['/a/.;x\\..\\b', '/a/'],
  ['/a/%2e%2e;x/b', '/a/..;x/b'],
  ['/a\\..;/b', '/a/..;/b'],
  ['/a/b;/../c', '/a/c'],
  ['/a?b/../c', '/a?b/../c'],
])('%s is %s', (path, normal) => expect(normalizePath(path)).toBe(normal));

test.each(['', 'a', '/a b', '/a#b', '/a%00', '/ä'])('%j is no path', (path) =>
  expect(normalizePath(path)).toBeUndefined(),
);

test('slashes are merged and decoded where the mesh is told so', () => {
  expect(normalizePath('//a///b//?x//y', 'MERGE_SLASHES')).toBe('/a/b/?x//y');
  expect(normalizePath('///', 'MERGE_SLASHES')).toBe('//');
  expect(normalizePath('/x/..%2f%2fa%5Cb', 'MERGE_SLASHES')).toBe('/x/..%2f%2fa%5Cb');
  expect(normalizePath('/x/..%2f%2fa%5Cb', 'DECODE_AND_MERGE_SLASHES')).toBe('/a/b');
  expect(normalizePath('/x/../%61', 'NONE')).toBe('/x/../%61');
});

test('templates', () => {
  expect(fitsTemplate('/cars/1/tires', '/cars/{*}/tires')).toBe(true);
  expect(fitsTemplate('/cars//tires', '/cars/{*}/tires')).toBe(false);
  expect(fitsTemplate('/cars/1/2/tires', '/cars/{*}/tires')).toBe(false);
  expect(fitsTemplate('/files/a/b', '/files/{**}')).toBe(true);
  expect(fitsTemplate('/files/', '/files/{**}')).toBe(true);
  expect(fitsTemplate('/aXb', '/a.b')).toBe(false);
});
