// Lists from files and over HTTP: what is read, what is told when it cannot be, and that following ends.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createListSource, type ListSourceOptions } from './list-source.ts';

let directory = '';
let server: Server;
let base = '';
let answer: { status: number; body: string } = { status: 200, body: '' };

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lists-'));
  server = createServer((_, response) => {
    response.statusCode = answer.status;
    response.end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/list`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

/** Follows, and remembers what it is told; `until` waits for the next thing. */
async function follow(url: string, options: Partial<ListSourceOptions> = {}) {
  const told: string[] = [];
  let tell = (): void => undefined;
  const add = (text: string): void => {
    told.push(text);
    tell();
  };
  const listener = { content: add, failure: (problem: string) => add(`failed: ${problem}`) };
  const stop = await createListSource(options).follow(url, 20, listener);
  const until = async (wanted: string): Promise<void> => {
    while (!told.some((text) => text.includes(wanted)))
      await new Promise<void>((resolve) => (tell = resolve));
  };
  return { told, stop, until };
}

describe('lists', () => {
  it('are read from a file, again when it changes', async () => {
    const file = join(directory, 'versions');
    writeFileSync(file, 'v1\n');
    const { told, stop, until } = await follow(pathToFileURL(file).href);
    expect(told).toEqual(['v1\n']);
    writeFileSync(file, 'v2\n');
    await until('v2');
    rmSync(file);
    await until('failed: ENOENT');
    stop();
  });

  it('are fetched, and what goes wrong is told', async () => {
    answer = { status: 200, body: 'a' };
    const { told, stop, until } = await follow(base);
    expect(told).toEqual(['a']);
    answer = { status: 503, body: '' };
    await until('failed: answers with 503');
    answer = { status: 200, body: 'b' };
    await until('b');
    stop();
  });

  it('are no longer than they may be, and text', async () => {
    answer = { status: 200, body: 'x'.repeat(100) };
    const long = await follow(base, { mostBytes: 99 });
    expect(long.told).toEqual(['failed: is longer than 99 bytes']);
    long.stop();
    const folder = await follow(pathToFileURL(directory).href);
    expect(folder.told).toEqual(['failed: is not a file']);
    folder.stop();
    const file = join(directory, 'bytes');
    writeFileSync(file, Buffer.of(0xff, 0xfe));
    const bytes = await follow(pathToFileURL(file).href);
    expect(bytes.told[0]).toMatch(/^failed: /);
    bytes.stop();
  });
});
