// A file system without room, for real: appending is refused, what was confirmed stays, and room heals it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleProgram } from './testing/bundle.ts';

const directory = mkdtempSync(join(tmpdir(), 'journal-full-'));
const program = join(directory, 'disk-filler.mjs');
const mountPoint = join(directory, 'mount');

beforeAll(async () => {
  mkdirSync(mountPoint);
  await bundleProgram('disk-filler', program);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The mount lives in a namespace of its own and ends with the process. */
function inSmallFileSystem(): string | undefined {
  const script = 'mount -t tmpfs -o size=256k none "$1" 2>/dev/null || exit 77; exec "$2" "$3" "$1"';
  const args = ['-m', 'sh', '-c', script, 'sh', mountPoint, process.execPath, program];
  try {
    return execFileSync('unshare', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 15_000,
      killSignal: 'SIGKILL',
    });
  } catch {
    return undefined;
  }
}

test('a full file system', ({ skip }) => {
  const output = process.getuid?.() === 0 ? inSmallFileSystem() : undefined;
  if (output === undefined) return skip('needs the right to mount a file system');
  const report = JSON.parse(output);
  expect(report).toMatchObject({ refusal: { code: 'disk-full' }, rewritten: false, healed: true });
  expect(report.latest).toBeGreaterThan(3);
  expect(report.recoveredWhileFull).toBe(report.latest);
  expect(report.recoveredAfter).toBe(report.latest + 1);
});
