// A flood of refusals writes little, and what it writes is one line each.
import { formatDiagnostic } from '@xebec/std';
import { expect, test } from 'vitest';
import { watchRefusedCallers } from './refused-callers.ts';

const refusal = (node: string, isPlaintext = false) => ({
  kind: 'refused' as const,
  peer: { address: '127.0.0.1:1', identities: isPlaintext ? [] : ['spiffe://a/ns/b/sa/c'], isPlaintext },
  node,
  reason: 'no',
});

test('twenty at once, then one a second with the number of those left out', () => {
  let nowMs = 0;
  const lines: string[] = [];
  const callers = watchRefusedCallers(
    (diagnostic) => lines.push(formatDiagnostic(diagnostic)),
    () => nowMs,
  );
  for (let i = 0; i < 1_000; i++) callers.observe(refusal('a'));
  expect(lines).toHaveLength(20);
  nowMs = 1_000;
  callers.observe(refusal('a'));
  callers.observe(refusal('a'));
  expect(lines).toHaveLength(21);
  expect(lines[20]).toContain('and 980 more');
});

test('who it was, what it proved and what it said, on one line', () => {
  const lines: string[] = [];
  const callers = watchRefusedCallers((diagnostic) => lines.push(formatDiagnostic(diagnostic)));
  callers.observe(refusal('a\nb'));
  callers.observe(refusal('a', true));
  expect(lines[0]).toMatch(
    /^warning: discovery refused to 127\.0\.0\.1:1 \("spiffe:\/\/a\/ns\/b\/sa\/c", node "a\\nb"\): no; /,
  );
  expect(lines[1]).toContain('(plaintext, node "a")');
  expect(lines.join('')).not.toContain('\n');
});
