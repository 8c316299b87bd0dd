// A directory for one test file, gone at its end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'xebec-supervise-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
