// Which sockets traffic may be sent to.
import { expect, test } from 'vitest';
import { complainOfSocket } from './socket-path.ts';

test('those of applications', () => {
  for (const path of ['/run/app.sock', '/run/my-agent.sock', '/a', '/run/admin.sock.d/x', '/run/..a/b']) {
    expect(complainOfSocket(path), path).toBeUndefined();
  }
});

test.each([
  ['/state/run/control.sock', 'protected-socket'],
  ['/state/run/pod/admin.sock', 'protected-socket'],
  ['/state/run/pod/XDS.sock', 'protected-socket'],
  ['/agent.sock', 'protected-socket'],
  ['/state/run//a', 'protected-socket'],
  ['/state/run/./a', 'protected-socket'],
  ['/state/run/x/../a', 'protected-socket'],
  ['/state/run/..', 'protected-socket'],
  ['/proc/self/cwd/a', 'protected-socket'],
  ['/dev/fd/3', 'protected-socket'],
  ['/run/a/', 'protected-socket'],
  ['relative', 'invalid-address'],
  ['/with a space', 'invalid-address'],
  [`/${'a'.repeat(108)}`, 'invalid-address'],
  ['/a\nb', 'invalid-address'],
])('%s is refused', (path, code) => {
  expect(complainOfSocket(path)?.code).toBe(code);
});
