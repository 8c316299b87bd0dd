// A file system without room, for real: records wait, those beyond are counted, what was written stays, and room heals it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleProgram } from '../testing/bundle.ts';

const directory = mkdtempSync(join(tmpdir(), 'audit-full-'));
const program = join(directory, 'audit-filler.mjs');
const mountPoint = join(directory, 'mount');

beforeAll(async () => {
  mkdirSync(mountPoint);
  await bundleProgram('audit-filler', program);
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
  const { told, appended, whileFull, healed, after } = JSON.parse(output);
  expect(told).toEqual(['disk-full', null]);
  expect(whileFull).toMatchObject({ waiting: 50, lost: 20, errors: 0 });
  expect(healed).toBe(true);
  // Each is written or counted; two records are the chain's own, its start and the count.
  expect(after).toEqual({ written: appended - 20 + 2, lost: 20, waiting: 0, errors: 0 });
});
