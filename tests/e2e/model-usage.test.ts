// What a proxy reads out of answers of language models, against what they say: the script in a real Envoy, with bodies cut anywhere and texts that try to look like counts.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { usageNamespace, usageScript } from '../../packages/envoy/src/reports/usage-script.ts';
import { freePort } from './support/free-port.ts';
import { fetchText } from './support/http.ts';
import { until } from './support/mesh.ts';

interface Served {
  readonly type: string;
  /** Written one by one. */
  readonly parts: readonly string[];
}

const served: Served[] = [];
const directory = mkdtempSync(join(tmpdir(), 'xb-usage-'));
const logFile = join(directory, 'log');
let upstream: Server;
let port: number;
let envoy: ReturnType<typeof spawn>;

beforeAll(async () => {
  upstream = createServer((request, response) => {
    const { type, parts } = served[Number(request.url?.slice(1))] ?? { type: 'text/plain', parts: [] };
    response.writeHead(200, { 'content-type': type });
    const write = (at: number): void => {
      const part = parts[at];
      if (part === undefined) return void response.end();
      response.write(part, () => setImmediate(write, at + 1));
    };
    write(0);
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const address = upstream.address();
  port = await freePort();
  writeFileSync(
    join(directory, 'envoy.json'),
    JSON.stringify(bootstrap(typeof address === 'object' && address !== null ? address.port : 0)),
  );
  envoy = spawn(
    process.env['ENVOY_PATH'] ?? 'envoy',
    [
      ...['-c', join(directory, 'envoy.json'), '--concurrency', '1', '--disable-hot-restart'],
      ...['-l', 'error', '--file-flush-interval-msec', '50'],
    ],
    { stdio: 'ignore' },
  );
  await until('Envoy serves', async () => (await ask(-1)).status === 200, 60_000);
}, 90_000);
afterAll(async () => {
  envoy?.kill('SIGKILL');
  upstream?.closeAllConnections();
  upstream?.close();
  rmSync(directory, { recursive: true, force: true });
});

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const at = (number: number) => ({ socket_address: { address: '127.0.0.1', port_value: number } });

function bootstrap(upstreamPort: number) {
  const manager = {
    '@type': type('filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'usage',
    access_log: [
      {
        name: 'file',
        typed_config: {
          '@type': type('access_loggers.file.v3.FileAccessLog'),
          path: logFile,
          log_format: {
            text_format_source: { inline_string: `%REQ(:PATH)% %DYNAMIC_METADATA(${usageNamespace})%\n` },
          },
        },
      },
    ],
    http_filters: [
      {
        name: 'usage',
        typed_config: {
          '@type': type('filters.http.lua.v3.Lua'),
          default_source_code: { inline_string: usageScript },
        },
      },
      { name: 'router', typed_config: { '@type': type('filters.http.router.v3.Router') } },
    ],
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'model' } }] },
      ],
    },
  };
  const endpoint = { endpoint: { address: at(upstreamPort) } };
  return {
    static_resources: {
      listeners: [
        { address: at(port), filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }] },
      ],
      clusters: [
        {
          name: 'model',
          type: 'STATIC',
          load_assignment: { cluster_name: 'model', endpoints: [{ lb_endpoints: [endpoint] }] },
        },
      ],
    },
  };
}

const ask = (index: number) => fetchText({ url: `http://127.0.0.1:${port}/${index}` });

/** What the proxy read, by number of the answer. */
async function readAll(answers: readonly Served[]): Promise<readonly unknown[]> {
  const first = served.push(...answers) - answers.length;
  for (let index = 0; index < answers.length; index += 10)
    await Promise.all(answers.slice(index, index + 10).map((_, more) => ask(first + index + more)));
  const lines = await until('all are logged', async () => {
    const found = new Map(
      readFileSync(logFile, 'utf8')
        .split('\n')
        .map((line) => [Number(/^\/(-?\d+) /.exec(line)?.[1]), line.slice(line.indexOf(' ') + 1)]),
    );
    return answers.every((_, index) => found.has(first + index)) && found;
  });
  return answers.map((_, index) => {
    const line = lines.get(first + index) ?? '-';
    return line === '-' ? {} : JSON.parse(line);
  });
}

const json = 'application/json; charset=utf-8';
const sse = 'text/event-stream';
const letters = (text: string): readonly string[] => [...text];

it('[BY-11] a body cut at every byte says what it says whole', async () => {
  const usage = { prompt_tokens: 12, completion_tokens: 30, total_tokens: 42 };
  const body = JSON.stringify({ text: 'a "usage": {"total_tokens": 1}', usage }, undefined, 1);
  const event = (value: unknown) => `event: x\r\ndata: ${JSON.stringify(value)}\r\n\r\n`;
  const openAi = `: hello\n\n${event({ usage: null })}${event({ usage })}data: [DONE]\n\n`;
  const responses = event({
    type: 'response.completed',
    response: { usage: { input_tokens: 3, output_tokens: 4 } },
  });
  const anthropic =
    event({ type: 'message_start', message: { usage: { input_tokens: 5, output_tokens: 1 } } }) +
    event({ type: 'message_delta', usage: { output_tokens: 9 } });
  const all = { input: 12, output: 30, total: 42 };
  expect(
    await readAll([
      { type: json, parts: letters(body) },
      { type: sse, parts: letters(openAi) },
      { type: sse, parts: letters(responses) },
      { type: sse, parts: letters(anthropic) },
      { type: sse, parts: [anthropic.slice(0, anthropic.indexOf('message_delta'))] },
      { type: 'text/plain', parts: [body] },
      { type: json, parts: ['{"usage":{"total_tokens":"7"}}', '{"usage":{"total_tokens":-7}}'] },
      { type: json, parts: ['{"usage":{"total_tokens":1.5,"prompt_tokens":99999999999999999999}}'] },
      { type: json, parts: [']]]}}}"usage":{"total_tokens":4'] },
    ]),
  ).toEqual([
    all,
    all,
    { input: 3, output: 4, total: 7 },
    { input: 5, output: 9, total: 14 },
    {},
    {},
    {},
    {},
    {},
  ]);
}, 60_000);

/** Texts and keys that would fool whoever does not read JSON as JSON. */
const tricky = fc.oneof(
  fc.constantFrom(
    'usage',
    'total_tokens',
    '"usage":{"total_tokens":1}',
    '\\',
    '\\"',
    '{',
    '}',
    ']',
    ':',
    ',',
    '',
  ),
  fc.string({ maxLength: 12 }),
);
const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tricky,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(tricky, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;
const count = fc.integer({ min: 0, max: 2 ** 40 });

it('[BY-11] of any JSON only the counts at their place are believed', async () => {
  const documents = fc.sample(
    fc.record({
      before: fc.dictionary(
        tricky.filter((key) => key !== 'usage' && key !== 'message' && key !== 'response'),
        anything,
        { maxKeys: 3, noNullPrototype: true },
      ),
      usage: fc.option(fc.record({ prompt_tokens: count, total_tokens: count, more: anything })),
      after: anything,
      cut: fc.integer({ min: 1, max: 40 }),
    }),
    { numRuns: 150, seed: 20_261_122 },
  );
  const answers = documents.map(({ before, usage, after, cut }): Served => {
    const text = JSON.stringify({ ...before, usage, choices: after });
    return { type: json, parts: text.match(new RegExp(`[\\s\\S]{1,${cut}}`, 'g')) ?? [] };
  });
  const expected = documents.map(({ usage }) =>
    usage === null ? {} : { input: usage.prompt_tokens, total: usage.total_tokens },
  );
  expect(await readAll(answers)).toEqual(expected);
}, 90_000);
