// kill -9 at random moments of appending and rewriting: the state afterwards is the one before or after, never between.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openJournal } from './file-journal.ts';
import { bundleProgram } from './testing/bundle.ts';
import { contentAt, revisionsUpTo } from './testing/revisions.ts';

let directory = '';
let program = '';

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'journal-crash-'));
  program = join(directory, 'writer.mjs');
  await bundleProgram('endless-writer', program);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs the writer until it has confirmed `appends` more revisions and `delayUs` have passed; returns the last confirmed. */
function runAndKill(journal: string, appends: number, delayUs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, journal], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, errors] = ['', ''];
    const kill = () => child.kill('SIGKILL');
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.split('\n').length <= appends || child.killed) return;
      const until = process.hrtime.bigint() + BigInt(delayUs) * 1_000n;
      while (process.hrtime.bigint() < until);
      kill();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.on('close', (_code, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(errors));
      else resolve(Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1)));
    });
  });
}

test('40 kills at random moments lose nothing that was confirmed', { timeout: 120_000 }, async () => {
  const journal = join(directory, 'journal');
  let confirmed = 0;
  for (let round = 0; round < 40; round++) {
    const acknowledged = await runAndKill(journal, 1 + ((round * 7) % 30), (round * 137) % 900);
    expect(acknowledged).toBeGreaterThanOrEqual(confirmed);
    const opened = openJournal(journal);
    if (!opened.ok) throw new Error(JSON.stringify(opened.diagnostics));
    opened.value.journal[Symbol.dispose]();
    const { base, revisions } = opened.value.recovered;
    const latest = revisions.at(-1)?.number ?? base.revision;
    expect(latest - acknowledged).toBeGreaterThanOrEqual(0);
    expect(latest - acknowledged).toBeLessThanOrEqual(1_000);
    expect(base).toEqual(contentAt(base.revision, 0).base);
    expect(revisions).toEqual(revisionsUpTo(latest, base.revision + 1));
    confirmed = latest;
  }
});
