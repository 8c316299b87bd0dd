// Compiled policies on real threads, with what OPA itself compiled: decisions, data, bounds of time and memory, fetching.
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { OpaProgram, OpaProgramOptions } from '@xebec/policy';
import { afterAll, expect, test } from 'vitest';
import { readCompiledPolicy } from './bundle.ts';
import { openOpaProgram } from './open-opa-program.ts';

const bundle = readFileSync(new URL('./testing/shop.tar.gz', import.meta.url));
const inline = { kind: 'inline', content: bundle.toString('base64') } as const;
const directory = mkdtempSync(join(tmpdir(), 'xb-opa-'));
const opened: OpaProgram[] = [];
afterAll(async () => {
  for (const program of opened) await program.close();
  rmSync(directory, { recursive: true, force: true });
});

const problems: (string | undefined)[] = [];
async function open(options: Partial<OpaProgramOptions>): Promise<OpaProgram> {
  const program = await openOpaProgram({
    source: inline,
    entrypoint: 'shop/allow',
    data: {},
    timeoutMs: 5_000,
    reportProblem: (problem) => void problems.push(problem),
    ...options,
  });
  opened.push(program);
  return program;
}

const { signal } = new AbortController();
const asked = (user: string, method = 'POST', path = '/') => ({
  subject: { user },
  action: { method, path },
});

test('decides as the Rego says, with the data of the bundle, and the data of the handler in their place', async () => {
  const program = await open({});
  expect(await program.evaluate(asked('jason'), signal)).toBe(true);
  expect(await program.evaluate(asked('eve'), signal)).toBe(false);
  expect(await program.evaluate(asked('eve', 'GET', '/reviews/7'), signal)).toBe(true);
  const message = await open({ entrypoint: 'shop/decision', data: { owners: ['eve'] } });
  expect(await message.evaluate(asked('eve'), signal)).toEqual({ allow: true, message: 'welcome' });
  expect(await message.evaluate(asked('jason'), signal)).toMatchObject({ allow: false });
  for (const hostile of [undefined, null, 'x'.repeat(1_000_000), { __proto__: { subject: 1 } }, []])
    expect(await program.evaluate(hostile, signal)).toBe(false);
}, 60_000);

test('a module without its bundle decides, too; a decision that it lacks is named', async () => {
  const { module } = readCompiledPolicy(bundle, 'shop/allow');
  const content = Buffer.from(module).toString('base64');
  const program = await open({ source: { kind: 'inline', content }, data: { owners: ['eve'] } });
  expect(await program.evaluate(asked('eve'), signal)).toBe(true);
  await expect(open({ entrypoint: 'shop/nothing' })).rejects.toThrow(
    /^has no decision data\.shop\.nothing; it has .*data\.shop\.allow/,
  );
}, 60_000);

test('an evaluation without end is ended in time, one that wants all memory fails, and the next ones are decided', async () => {
  const program = await open({ entrypoint: 'shop/endless', timeoutMs: 300 });
  const startedAt = performance.now();
  await expect(program.evaluate({ value: '3000' }, signal)).rejects.toThrow('did not decide in 300 ms');
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(await program.evaluate({ value: '1' }, signal)).toBeUndefined();
  const greedy = await open({ entrypoint: 'shop/greedy', timeoutMs: 60_000 });
  await expect(greedy.evaluate({ value: '400' }, signal)).rejects.toThrow();
  expect(await greedy.evaluate({ value: '2' }, signal)).toBeUndefined();
}, 90_000);

test('what is no policy is refused with what is wrong', async () => {
  const open64 = (bytes: Uint8Array) =>
    open({ source: { kind: 'inline', content: Buffer.from(bytes).toString('base64') } });
  await expect(open64(bundle.subarray(0, 1_000))).rejects.toThrow();
  await expect(open64(Buffer.from('hello'))).rejects.toThrow('neither a Wasm module nor a bundle');
  await expect(open64(Buffer.from('0061736d01000000', 'hex'))).rejects.toThrow();
  const archive = gunzipSync(bundle);
  expect(() => readCompiledPolicy(archive.subarray(0, 2_000), 'shop/allow')).toThrow('neither');
}, 60_000);

test('a policy in a file is fetched again; while it is broken or gone the last good one decides', async () => {
  const path = join(directory, 'shop.tar.gz');
  const write = (bytes: Uint8Array): void => {
    writeFileSync(`${path}.new`, bytes);
    renameSync(`${path}.new`, path);
  };
  problems.length = 0;
  const source = { kind: 'fetched', url: pathToFileURL(path).href, refreshIntervalMs: 50 } as const;
  const program = await open({ source });
  await expect(program.evaluate(asked('jason'), signal)).rejects.toThrow('ENOENT');
  const until = async (isSo: () => boolean): Promise<void> => {
    for (const deadline = performance.now() + 20_000; !isSo(); ) {
      if (performance.now() > deadline) throw new Error(JSON.stringify(problems));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  write(bundle);
  await until(() => problems.at(-1) === undefined && problems.length > 0);
  expect(await program.evaluate(asked('jason'), signal)).toBe(true);
  write(Buffer.from('broken'));
  await until(() => problems.at(-1)?.includes('neither a Wasm module') === true);
  expect(await program.evaluate(asked('jason'), signal)).toBe(true);
  await program.close();
  await expect(program.evaluate(asked('jason'), signal)).rejects.toThrow('is closed');
}, 60_000);
