// What is open without a login: nothing that another reader of paths could take for something else.
import { expect, test } from 'vitest';
import { openPathPattern } from './open-paths.ts';

const isOpen = (pattern: string, path: string): boolean =>
  new RegExp(`^(?:${openPathPattern(pattern)})$`).test(path);

test.each([
  ['/healthz', '/healthz'],
  ['/healthz', '/healthz?full=1'],
  ['/v1.0', '/v1.0'],
  ['/public/*', '/public/'],
  ['/public/*', '/public/a/b.css?v=../x'],
])('%s opens %s', (pattern, path) => expect(isOpen(pattern, path)).toBe(true));

test.each([
  ['/healthz', '/healthz/'],
  ['/healthz', '/healthzz'],
  ['/healthz', '/HEALTHZ'],
  ['/v1.0', '/v1x0'],
  ['/public/*', '/public'],
  ['/public/*', '/publication'],
  ['/public/*', '/public/../admin'],
  ['/public/*', '/public/a/../../admin'],
  ['/public/*', '/public/..;/admin'],
  ['/public/*', '/public/a;x=1/b'],
  ['/public/*', '/public/%2e%2e/admin'],
  ['/public/*', '/public/a%2f..%2fadmin'],
  ['/public/*', '/public//admin'],
  ['/public/*', '/public/..\\admin'],
  ['/public/*', '/x/public/a'],
])('%s does not open %s', (pattern, path) => expect(isOpen(pattern, path)).toBe(false));
