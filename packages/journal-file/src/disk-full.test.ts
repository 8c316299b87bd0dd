// A file system without room, for real: appending is refused, what was confirmed stays, and room heals it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSmallFileSystem, type SmallFileSystem } from './testing/small-file-system.ts';

let place: SmallFileSystem;
beforeAll(async () => {
  place = await openSmallFileSystem('disk-filler');
});
afterAll(() => place?.[Symbol.dispose]());

test('a full file system', ({ skip }) => {
  const output = place.run();
  if (output === undefined) return skip('needs the right to mount a file system');
  const report = JSON.parse(output);
  expect(report).toMatchObject({ refusal: { code: 'disk-full' }, rewritten: false, healed: true });
  expect(report.latest).toBeGreaterThan(3);
  expect(report.recoveredWhileFull).toBe(report.latest);
  expect(report.recoveredAfter).toBe(report.latest + 1);
});
