// Bit flips and truncations anywhere: what is recovered is a prefix of what was written, or the file is refused by name.
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openJournal } from './file-journal.ts';
import { contentAt, revisionOf, revisionsUpTo } from './testing/revisions.ts';

let directory = '';
const pristine = new Map<string, Buffer>();

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'journal-damage-'));
  const opened = openJournal(directory);
  if (!opened.ok) throw new Error('cannot open');
  const { journal } = opened.value;
  for (const revision of revisionsUpTo(20)) journal.append(revision);
  journal.rewrite(contentAt(20, 8));
  for (const revision of revisionsUpTo(40, 21)) journal.append(revision);
  journal[Symbol.dispose]();
  for (const name of readdirSync(directory)) pristine.set(name, readFileSync(join(directory, name)));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function restore(): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
  for (const [name, bytes] of pristine) writeFileSync(join(directory, name), bytes);
}

/** Opens the damaged journal: undefined when refused naming the file, else the newest revision after checking all. */
function openDamaged(name: string): number | undefined {
  const opened = openJournal(directory);
  if (!opened.ok) {
    expect(opened.diagnostics[0]).toMatchObject({ origin: { file: join(directory, name) } });
    expect(opened.diagnostics[0]?.remedy).toBeTruthy();
    return undefined;
  }
  opened.value.journal[Symbol.dispose]();
  const { base, revisions } = opened.value.recovered;
  const latest = revisions.at(-1)?.number ?? base.revision;
  expect(base).toEqual(contentAt(20, 8).base);
  expect(revisions).toEqual(revisionsUpTo(latest, 13));
  return latest;
}

const files = () => fc.constantFrom(...pristine.keys());
const portion = fc.double({ min: 0, max: 0.999999, noNaN: true });

test('any flipped bit is refused naming the file', () => {
  fc.assert(
    fc.property(files(), portion, fc.nat(7), (name, at, bit) => {
      restore();
      const bytes = Buffer.from(pristine.get(name) ?? '');
      const position = Math.floor(at * bytes.length);
      bytes.writeUInt8(bytes.readUInt8(position) ^ (1 << bit), position);
      writeFileSync(join(directory, name), bytes);
      expect(openDamaged(name)).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

test('any truncation gives a prefix at the tail, and is refused where it cannot be a tail', () => {
  fc.assert(
    fc.property(files(), portion, (name, at) => {
      restore();
      truncateSync(join(directory, name), Math.floor(at * (pristine.get(name)?.length ?? 0)));
      const latest = openDamaged(name);
      if (name.startsWith('snapshot')) expect(latest).toBeUndefined();
      if (latest === undefined) return;
      const opened = openJournal(directory);
      if (!opened.ok) throw new Error('a repaired journal opens');
      expect(opened.value.journal.append(revisionOf(latest + 1)).ok).toBe(true);
      opened.value.journal[Symbol.dispose]();
      expect(openDamaged(name)).toBe(latest + 1);
    }),
    { numRuns: 200 },
  );
});
