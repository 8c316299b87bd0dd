// Programs of the system end, are ended, or are not waited for any more: nobody waits for ever.
import { expect, test } from 'vitest';
import { commandRunner, runCommand } from './run.ts';

test('a program answers with its code and what it printed', async () => {
  expect(await runCommand(['sh', '-c', 'cat; echo no >&2; exit 3'], 'yes')).toEqual({
    code: 3,
    output: 'yes',
    errors: 'no',
  });
  expect((await runCommand(['/no/such/program'])).code).toBe(127);
});

test('one that does not end is killed at the deadline', async () => {
  const outcome = await commandRunner(200)(['sh', '-c', 'echo so far; exec sleep 600']);
  expect(outcome).toEqual({ code: 124, output: 'so far\n', errors: 'not ended after 0.2 s' });
});

test('what it leaves behind with its output is not waited for', async () => {
  const startedAt = performance.now();
  const { code, output } = await runCommand(['sh', '-c', 'sleep 20 & echo $!']);
  expect(performance.now() - startedAt).toBeLessThan(15_000);
  expect(code).toBe(0);
  process.kill(Number(output), 'SIGKILL');
});
