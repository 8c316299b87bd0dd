// kill -9 at random moments of writing: every record that was written is there, and the chain says so.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleProgram } from '../testing/bundle.ts';
import { readChain } from './read-chain.ts';
import { verifyChain } from './verify-chain.ts';

const root = mkdtempSync(join(tmpdir(), 'audit-kill-'));
const program = join(root, 'writer.mjs');
beforeAll(() => bundleProgram('audit-writer', program));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Resolves with how far the chain was when the writer last said so. */
function writeAndKill(directory: string, flushes: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.split('\n').length > flushes) child.kill('SIGKILL');
    });
    child.once('error', reject);
    child.once('close', () => resolve(Number(output.trimEnd().split('\n').at(-2))));
  });
}

test('20 kills lose nothing that was written', { timeout: 60_000 }, async () => {
  const directory = join(root, 'chain');
  for (let round = 0; round < 20; round++) {
    const written = await writeAndKill(directory, 2 + ((round * 7) % 20));
    const { last = 0, problems } = verifyChain(readChain(directory));
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(last).toBeGreaterThanOrEqual(written);
  }
});
