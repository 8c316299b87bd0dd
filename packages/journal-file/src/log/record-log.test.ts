// The log against ends of processes, torn writes and damage.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRecordLog } from './record-log.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xebec-log-'));
  path = join(directory, 'quotas', 'log');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open() {
  const opened = openRecordLog(path);
  if (!opened.ok) throw new Error(JSON.stringify(opened.diagnostics));
  return { ...opened.value, warnings: opened.warnings };
}

function write(...records: unknown[]): void {
  const { log } = open();
  expect(log.append(records).ok).toBe(true);
  log[Symbol.dispose]();
}

test('what was appended is there again', () => {
  write({ a: 1 }, { b: 'ü' });
  write('more');
  expect(open().records).toEqual([{ a: 1 }, { b: 'ü' }, 'more']);
});

test('a write that was not finished is cut off', () => {
  write(1, 2);
  appendFileSync(path, Buffer.from([9, 0, 0, 0, 1]));
  const { records, warnings, log } = open();
  expect([records, warnings]).toEqual([[1, 2], []]);
  log.append([3]);
  expect(open().records).toEqual([1, 2, 3]);
});

test('damage costs what comes after it, and is set aside', () => {
  write('first');
  write('second', 'third');
  const file = readFileSync(path);
  const at = file.indexOf('second');
  file[at] = 0x58;
  writeFileSync(path, file);
  const { records, warnings } = open();
  expect(records).toEqual(['first']);
  expect(warnings).toMatchObject([{ code: 'damaged-log' }]);
  expect(existsSync(`${path}.damaged`)).toBe(true);
  expect(open().records).toEqual(['first']);
});

test('rewritten, it holds what it was given and goes on', () => {
  write(...Array.from({ length: 100 }, (_, i) => i));
  const { log } = open();
  const before = log.bytes;
  log.rewrite(['all']);
  expect(log.bytes).toBeLessThan(before);
  log.append(['next']);
  expect(open().records).toEqual(['all', 'next']);
});
