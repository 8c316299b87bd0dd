// A file system without room, for real: records wait, those beyond are counted, what was written stays, and room heals it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSmallFileSystem, type SmallFileSystem } from '../testing/small-file-system.ts';

let place: SmallFileSystem;
beforeAll(async () => {
  place = await openSmallFileSystem('audit-filler');
});
afterAll(() => place?.[Symbol.dispose]());

test('a full file system', ({ skip }) => {
  const output = place.run();
  if (output === undefined) return skip('needs the right to mount a file system');
  const { told, appended, whileFull, healed, after } = JSON.parse(output);
  expect(told).toEqual(['disk-full', null]);
  expect(whileFull).toMatchObject({ waiting: 50, lost: 20, errors: 0 });
  expect(healed).toBe(true);
  // Each is written or counted; two records are the chain's own, its start and the count.
  expect(after).toEqual({ written: appended - 20 + 2, lost: 20, waiting: 0, errors: 0 });
});
