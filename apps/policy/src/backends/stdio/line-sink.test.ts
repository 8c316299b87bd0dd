// Lines in files: whole, in order, rotated by size, also when a rotation cannot be finished.
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLineSink } from './line-sink.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xebec-lines-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const half = `${'x'.repeat(600 * 1024)}\n`;
const open = () =>
  openLineSink({
    logStream: 'ROTATED_FILE',
    outputPath: join(directory, 'log'),
    maxMegabytesBeforeRotation: 1,
    maxRotatedFiles: 2,
  });
const read = (name: string) => readFileSync(join(directory, name), 'utf8');

test('[MX-6] a file that is full becomes the youngest of the old ones', async () => {
  const sink = await open();
  for (const each of ['a', 'b', 'c', 'd']) await sink.write(`${each}${half}`);
  await sink.close();
  expect(['log', 'log.1', 'log.2'].map((name) => read(name)[0])).toEqual(['d', 'c', 'b']);
});

test('[MX-6] a rotation that fails loses its lines and no others', async () => {
  const sink = await open();
  for (const each of ['a', 'b']) await sink.write(`${each}${half}`);
  // Nothing can be opened under the name that the file had.
  const away = `${directory}-away`;
  renameSync(directory, away);
  await expect(sink.write(`c${half}`)).rejects.toThrow('ENOENT');
  await sink.write('d\n');
  renameSync(away, directory);
  await sink.write('e\n');
  await sink.close();
  expect([read('log').slice(-4), read('log.1')[0]]).toEqual(['d\ne\n', 'a']);
});
