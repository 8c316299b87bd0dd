// A disk that takes nothing is full, however it says so.
import { expect, test } from 'vitest';
import { systemDisk, writeFully } from './disk.ts';

test('a disk that takes nothing is not asked for ever', () => {
  const disk = { ...systemDisk, write: () => 0 };
  expect(() => writeFully(disk, 0, { bytes: new Uint8Array(1), position: 0 })).toThrow(/ENOSPC/);
});
