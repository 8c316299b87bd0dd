// Counters across restarts, orderly ones and others.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Disk, systemDisk } from '@xebec/journal-file';
import type { QuotaCharge } from '@xebec/policy';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openKeptLedger } from './kept-ledger.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xebec-ledger-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (writeMs = 60_000) =>
  openKeptLedger({
    path: join(directory, 'ledger'),
    writeMs,
    onProblem: (problem) => {
      throw new Error(problem.message);
    },
  });

const charge = (counter: string, amount: number, deduplicationId = ''): QuotaCharge => ({
  counters: [{ counter, limit: { kind: 'total', amount: 1_000_000n } }],
  amount: BigInt(amount),
  isBestEffort: false,
  deduplicationId,
  deduplicationMs: 60_000,
});

test('what was counted is there after a restart, ids too', () => {
  const first = open();
  first.ledger.allocate(charge('a', 5));
  first.ledger.allocate(charge('a', 7, 'id'));
  first.close();
  const second = open();
  expect(second.ledger.allocate(charge('a', 7, 'id')).granted).toBe(7n);
  expect(second.ledger.inspect({ prefix: '', most: 9 })).toMatchObject([{ counter: 'a', used: 12n }]);
  second.close();
});

test('what was written is there when the process is killed', async () => {
  const first = open(10);
  first.ledger.allocate(charge('a', 5));
  // Another process would not have been told either.
  const reading = async () => {
    const second = open();
    const used = second.ledger.inspect({ prefix: '', most: 9 })[0]?.used;
    return used;
  };
  await vi.waitUntil(async () => (await reading()) === 5n, { timeout: 5_000 });
  first.close();
});

test('what could not be written because the disk was full is written when it is not', () => {
  let isFull = false;
  const disk: Disk = {
    ...systemDisk,
    write(file, bytes, position) {
      if (isFull) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      return systemDisk.write(file, bytes, position);
    },
  };
  const problems: string[] = [];
  const kept = openKeptLedger({
    ...{ path: join(directory, 'ledger'), writeMs: 60_000, disk },
    onProblem: ({ code }) => problems.push(code),
  });
  kept.ledger.allocate(charge('a', 5));
  isFull = true;
  kept.write();
  expect(problems.length).toBeGreaterThan(0);
  isFull = false;
  // Another counter, and the whole is written in the end.
  kept.ledger.allocate(charge('b', 1));
  kept.close();
  const again = open();
  const used = again.ledger.inspect({ prefix: '', most: 9 }).map(({ used: each }) => each);
  expect(used).toEqual([5n, 1n]);
  again.close();
});

test('the log stays small however often is counted', () => {
  const kept = open();
  for (let i = 0; i < 200; i++) {
    kept.ledger.allocate(charge(`counter-${i % 50}`, 1));
  }
  kept.close();
  const again = open();
  const used = again.ledger.inspect({ prefix: '', most: 99 }).reduce((sum, one) => sum + one.used, 0n);
  expect(used).toBe(200n);
  again.close();
});
