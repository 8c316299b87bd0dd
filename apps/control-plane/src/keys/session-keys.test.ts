// Keys of cookies outlive restarts, differ by name, and are not replaced because a file is damaged.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSessionKeys } from './session-keys.ts';

function directoryOfTest(): string {
  const directory = mkdtempSync(join(tmpdir(), 'xb-session-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function keyOf(directory: string | undefined, name: string, secret?: Uint8Array): string {
  const opened = openSessionKeys(directory);
  if (!opened.ok) throw new Error(opened.diagnostics.map(({ code }) => code).join());
  return Buffer.from(opened.value(name, secret)).toString('hex');
}

test('[AU-2] a key is the same after a restart, another one for another name, and 32 bytes long', () => {
  const directory = directoryOfTest();
  const first = keyOf(directory, 'edge/shop/0');
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(keyOf(directory, 'edge/shop/0')).toBe(first);
  const given = Buffer.alloc(32, 1);
  const others = [
    keyOf(directory, 'edge/shop/1'),
    keyOf(directory, 'edge/shop/0', given),
    keyOf(undefined, 'edge/shop/0'),
  ];
  expect(new Set([first, ...others]).size).toBe(4);
  const file = join(directory, 'session-secret');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).not.toContain(first);
});

test('a secret that is not whole is refused', () => {
  const directory = directoryOfTest();
  writeFileSync(join(directory, 'session-secret'), 'ab');
  expect(() => keyOf(directory, 'a')).toThrow('session-secret-unusable');
});
