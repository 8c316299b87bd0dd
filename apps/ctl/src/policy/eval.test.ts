// xebec policy eval: what is printed, and the exit code that scripts rely on.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cli } from '../cli.ts';
import { buildProgram } from '../program.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'xebec-eval-'));
  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text);
  write(
    'manifest.yaml',
    `apiVersion: config.istio.io/v1alpha2
kind: attributemanifest
metadata: {name: teams}
spec:
  attributes:
    team.budget: {valueType: INT64, description: what is left}
`,
  );
  write('other.yaml', 'request.size: STRING\n');
  write('map.json', '{"ai": "INT64", "aip": {"valueType": "IP_ADDRESS"}, "ar": "STRING_MAP"}');
  write(
    'call.json',
    JSON.stringify({
      'team.budget': 41,
      ai: { type: 'INT64', value: '9151314447095037952' },
      aip: '10.0.0.1',
      ar: { type: 'STRING_MAP', value: { foo: 'bar' } },
      'request.headers': { 'x-user': 'ann' },
      'request.method': 'GET',
      'response.duration': '1.5s',
      'request.time': '2015-01-02T15:04:35Z',
    }),
  );
  write('bad.json', '{');
  write('list.json', '{"a": [1]}');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function run(...words: readonly string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const cli: Cli = { stdin, stdout, stderr, env: {}, cwd: directory, home: directory, program: '' };
  let code = -1;
  const program = buildProgram(cli, (result) => {
    code = result;
  });
  await program.parseAsync(['policy', 'eval', ...words], { from: 'user' });
  const textOf = (stream: PassThrough): string => String(stream.read() ?? '');
  return { code, stdout: textOf(stdout), stderr: textOf(stderr) };
}

const call = ['--attributes', 'call.json'];

describe('values', () => {
  test.each<[readonly string[], unknown]>([
    [
      ['team.budget + 1', '--manifest', 'manifest.yaml'],
      { type: 'INT64', value: '42', referenced: ['team.budget'] },
    ],
    [
      ['ai == 20 || ar["foo"] == "bar"', '--manifest', 'map.json'],
      { type: 'BOOL', value: true, referenced: ['ai', 'ar', 'ar[foo]'] },
    ],
    [
      ['aip', '--manifest', 'map.json'],
      {
        type: 'IP_ADDRESS',
        value: '10.0.0.1',
        bytes: '00000000000000000000ffff0a000001',
        referenced: ['aip'],
      },
    ],
    [
      ["request.headers['x-user'] == 'ann' && !has(request.host)", '--language', 'cel'],
      {
        type: 'BOOL',
        value: true,
        referenced: ['-request.host', 'request.headers', 'request.headers[x-user]'],
      },
    ],
    [
      ["response.duration > duration('1s')", '--language', 'cel'],
      { type: 'BOOL', value: true, referenced: ['response.duration'] },
    ],
    [['response.duration'], { type: 'DURATION', value: '1.5s', referenced: ['response.duration'] }],
  ])('[MX-3] %j', async (words, answer) => {
    const { code, stdout, stderr } = await run(...words, ...call, '-o', 'json');
    expect([code, stderr, JSON.parse(stdout)]).toEqual([0, '', answer]);
  });

  test('[MX-3] for people', async () => {
    expect(await run('request.host | request.method', ...call)).toEqual({
      code: 0,
      stdout: 'STRING "GET"\ndepends on -request.host, request.method\n',
      stderr: '',
    });
  });
});

describe('what has none', () => {
  test.each<[readonly string[], unknown]>([
    [['a = 2'], { kind: 'compile', code: 'expression-syntax', line: 1, column: 3 }],
    [
      ['request.method == "x" &&\n request.headerz["x"] == "y"'],
      {
        kind: 'compile',
        code: 'unknown-attribute',
        message: 'unknown attribute request.headerz',
        line: 2,
        column: 2,
      },
    ],
    [
      ['request.size == "x"', '--language', 'cel'],
      { kind: 'compile', code: 'expression-type', line: 1, column: 14 },
    ],
    [
      ['"x" == request.host'],
      {
        kind: 'eval',
        code: 'attribute-absent',
        message: "lookup failed: 'request.host'",
        line: 1,
        column: 8,
      },
    ],
    [
      ['request.method == "GET" && ip(request.method) == ip("::1")'],
      {
        kind: 'eval',
        code: 'evaluation-failed',
        message: 'could not convert GET to IP_ADDRESS',
        line: 1,
        column: 28,
      },
    ],
  ])('[MX-3] %j', async (words, error) => {
    const { code, stdout } = await run(...words, ...call, '-o', 'json');
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { error }]);
  });

  test('[MX-3] for people', async () => {
    const { code, stdout, stderr } = await run('a.b', ...call);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^expression:1:1: error: unknown attribute a\.b; use a name of the vocabulary/);
  });
});

describe('what cannot be tried', () => {
  test.each<[readonly string[], string]>([
    [['true', '--manifest', 'nowhere.yaml'], 'nowhere.yaml'],
    [
      ['true', '--manifest', 'other.yaml'],
      'attribute "request.size" is declared STRING by other.yaml:1:1, and INT64 by',
    ],
    [['true', '--manifest', 'list.json'], 'has no type that is known'],
    [['true', '--attributes', 'bad.json'], 'invalid-json'],
    [['true', '--attributes', 'list.json'], 'a: [1] is no value of an attribute'],
  ])('%j', async (words, message) => {
    const { code, stderr } = await run(...words);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
