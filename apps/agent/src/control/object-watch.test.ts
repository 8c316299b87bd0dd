// Watching through breaks: nothing is missed, what was deleted meanwhile is told, and lines may come in any pieces.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { systemTimers } from '@xebec/supervise';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../testing/until.ts';
import { createLineReader } from './lines.ts';
import { watchObjects } from './object-watch.ts';

async function startServer() {
  const directory = mkdtempSync(path.join(tmpdir(), 'xebec-watch-'));
  const socketPath = path.join(directory, 's');
  const streams: http.ServerResponse[] = [];
  const urls: string[] = [];
  let status = 200;
  const server = http.createServer((request, response) => {
    urls.push(request.url ?? '');
    response.writeHead(status);
    if (status !== 200) response.end();
    else streams.push(response);
    response.flushHeaders();
  });
  server.listen(socketPath);
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
    rmSync(directory, { recursive: true });
  });
  const said: string[] = [];
  const watch = watchObjects({
    socketPath,
    kinds: ['Deployment', 'Pod'],
    timers: systemTimers,
    random: () => 0,
    listener: {
      set: (key, object) => void said.push(`set ${key} ${JSON.stringify(object)}`),
      delete: (key) => void said.push(`delete ${key}`),
      synced: () => void said.push('synced'),
      connected: () => void said.push('connected'),
      disconnected: (reason, isFirst) => void said.push(`disconnected ${isFirst}: ${reason}`),
    },
  });
  onTestFinished(() => watch[Symbol.asyncDispose]());
  const stream = (count: number) => until('a watch', () => streams[count - 1]);
  return { said, urls, stream, watch, refuse: (code: number) => (status = code) };
}

const line = (event: unknown): string => `${JSON.stringify(event)}\n`;

test('changes are told as they come, and after a break what is gone is deleted', async () => {
  const { said, urls, stream } = await startServer();
  const first = await stream(1);
  expect(urls[0]).toBe('/v1/watch?kind=Deployment,Pod');
  first.write(
    line({ type: 'set', key: 'A', object: { a: 1 } }) + line({ type: 'set', key: 'B', object: {} }),
  );
  first.write(
    line({ type: 'synced' }) + line({ type: 'heartbeat' }) + line({ type: 'delete', key: 'unknown' }),
  );
  await until('synced', () => said.includes('synced'));
  expect(said).toEqual(['connected', 'set A {"a":1}', 'set B {}', 'synced']);
  first.destroy();
  const second = await stream(2);
  said.length = 0;
  second.write(line({ type: 'set', key: 'B', object: {} }));
  await until('B', () => said.includes('set B {}'));
  expect(said).not.toContain('delete A');
  second.write(line({ type: 'synced' }));
  await until('synced', () => said.includes('synced'));
  expect(said.slice(-2)).toEqual(['delete A', 'synced']);
});

test('nonsense and refusals end a connection, not the watch; only the first failure is news', async () => {
  const { said, stream, refuse, watch } = await startServer();
  const first = await stream(1);
  refuse(503);
  first.write('nonsense\n');
  await until('two failures', () => said.filter((what) => what.startsWith('disconnected')).length >= 2);
  expect(said.slice(0, 3)).toEqual([
    'connected',
    'disconnected true: a line of the watch is not a JSON object',
    'disconnected false: the control plane answered 503',
  ]);
  refuse(200);
  await stream(2);
  await until('a connection', () => said.at(-1) === 'connected');
  await watch[Symbol.asyncDispose]();
  const length = said.length;
  first.destroy();
  expect(said).toHaveLength(length);
});

test('lines are found whatever the pieces', () => {
  const lines: string[] = [];
  const read = createLineReader((text) => void lines.push(text));
  for (const byte of Buffer.from('eins\n\nzwölf\r\nrest')) read(Uint8Array.of(byte));
  expect(lines).toEqual(['eins', 'zwölf\r']);
  read(Buffer.from(' of it\nlast\n'));
  expect(lines.slice(2)).toEqual(['rest of it', 'last']);
});
