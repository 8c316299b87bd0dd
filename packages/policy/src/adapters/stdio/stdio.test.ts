// Lines: whatever a caller says makes no other line, no other level and no error.
import { expect, test } from 'vitest';
import { createStdio, stdioForm } from './stdio.ts';

test('a severity that is a name of JavaScript is a severity like any other', async () => {
  const lines: string[] = [];
  const sink = { write: async (text: string) => void lines.push(text), close: async () => undefined };
  const parsed = stdioForm.parse({ severityLevels: { notice: 'WARNING' } });
  if (!parsed.ok) throw new Error('it is right');
  const handler = await createStdio(async () => sink).build(parsed.value, {
    ...{ name: 'h.handler.default', namespace: 'default', instances: new Map() },
    ...{
      now: () => 0,
      reportProblem: () => undefined,
      countLoss: () => undefined,
      countTaken: () => undefined,
    },
  });
  const entry = (severity: string, path: string) => ({
    template: 'logentry',
    name: 'log.instance.default',
    fields: { severity, variables: { path } },
  });
  await handler.report?.(
    [entry('constructor', 'a\n2026 error'), entry('__proto__', '/b'), entry('notice', '/c')],
    new AbortController().signal,
  );
  const told = lines.join('').trimEnd().split('\n');
  expect(told.map((line) => line.split('\t').slice(1, 4))).toEqual([
    ['info', 'log.instance.default', 'path="a\\n2026 error"'],
    ['info', 'log.instance.default', 'path=/b'],
    ['warning', 'log.instance.default', 'path=/c'],
  ]);
});
