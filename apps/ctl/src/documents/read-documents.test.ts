// What is read, and what nobody has to wait for or to hold in memory.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cli } from '../cli.ts';
import { validate } from '../validate/validate.ts';
import { readDocuments } from './read-documents.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'xebec-read-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function cliWith(input: Iterable<Buffer> = []) {
  const written: string[] = [];
  const stream = () =>
    new Writable({
      write(piece, _encoding, done) {
        written.push(String(piece));
        done();
      },
    });
  const cli: Cli = {
    stdin: Readable.from(input, { objectMode: false }),
    stdout: stream(),
    stderr: stream(),
    env: {},
    cwd: directory,
    home: directory,
    program: '',
  };
  return { cli, written };
}

async function codesOf(names: readonly string[], input?: Iterable<Buffer>): Promise<readonly string[]> {
  const read = await readDocuments(cliWith(input).cli, names);
  return read.ok ? read.value.map(({ file }) => file) : read.diagnostics.map(({ code }) => code);
}

describe('[RELIABILITY B21] what -f names', () => {
  it('is no URL, of whatever kind', async () => {
    for (const url of [
      'http://127.0.0.1:1/a.yaml',
      'https://example.com/a.yaml',
      'file:///etc/passwd',
      'FTP://a/b',
    ]) {
      expect(await codesOf([url])).toEqual(['url-not-read']);
    }
  });

  it('is refused when it is larger than a configuration is, and not read', async () => {
    const file = openSync(join(directory, 'large.yaml'), 'w');
    ftruncateSync(file, 1024 ** 3);
    closeSync(file);
    const before = process.memoryUsage().rss;
    expect(await codesOf(['large.yaml'])).toEqual(['input-too-large']);
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024);
    rmSync(join(directory, 'large.yaml'));
  });

  it('is refused when it never ends: a device, or what comes on standard input', async () => {
    expect(await codesOf(['/dev/zero'])).toEqual(['input-too-large']);
    const piece = Buffer.alloc(1024 * 1024, 32);
    const endless = (function* () {
      for (;;) yield piece;
    })();
    expect(await codesOf(['-'], endless)).toEqual(['input-too-large']);
  });

  it('in a directory is plain files only: pipes are left out, and what leads nowhere is told', async () => {
    const place = join(directory, 'mixed');
    mkdirSync(place);
    writeFileSync(join(place, 'a.yaml'), 'a: 1\n');
    execFileSync('mkfifo', [join(place, 'b.yaml')], { timeout: 10_000, killSignal: 'SIGKILL' });
    mkdirSync(join(place, 'c.yaml'));
    expect(await codesOf(['mixed'])).toEqual(['mixed/a.yaml']);
    symlinkSync('nowhere', join(place, 'd.yaml'));
    expect(await codesOf(['mixed'])).toEqual(['file-not-found']);
  });

  it('is shown without its power over a terminal', async () => {
    const name = 'odd\u001b[2J\u202e.yaml';
    writeFileSync(
      join(directory, name),
      'kind: "A\\e[31m\\r\\n\\u0007"\napiVersion: v1\nmetadata: {name: "b\\e]0;x\\a"}\n',
    );
    const { cli, written } = cliWith();
    await validate(cli, { filename: [name], namespace: 'default', output: 'table' });
    const text = written.join('');
    expect(text).toContain('odd');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e]/);
  });
});
