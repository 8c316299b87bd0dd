// Records at a server of access logs: all in order, also those of while it was away.
import { fromBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import type { AuditRecord } from '@xebec/journal-file';
import { StreamAccessLogsMessageSchema } from '@xebec/protos/envoy/service/accesslog/v3/als_pb';
import { expect, test } from 'vitest';
import { until } from '../testing/until.ts';
import { accessLogPath } from './access-log-service.ts';
import { openAuditSink } from './open-sink.ts';

const bytes = {
  requestSerialize: (value: Buffer): Buffer => value,
  requestDeserialize: (value: Buffer): Buffer => value,
  responseSerialize: (value: Buffer): Buffer => value,
  responseDeserialize: (value: Buffer): Buffer => value,
};
const definition = {
  StreamAccessLogs: { path: accessLogPath, requestStream: true, responseStream: false, ...bytes },
};

/** Serves until it is shut down; `lines` are the records that came. */
async function serve(port: number, lines: string[]): Promise<{ port: number; server: grpc.Server }> {
  const server = new grpc.Server();
  server.addService(definition, {
    StreamAccessLogs: (stream: grpc.ServerReadableStream<Buffer, Buffer>) => {
      stream.on('error', () => undefined);
      stream.on('data', (message: Buffer) => {
        const { logEntries } = fromBinary(StreamAccessLogsMessageSchema, message);
        for (const { commonProperties } of logEntries.value?.logEntry ?? [])
          lines.push(commonProperties?.customTags['record'] ?? '');
      });
    },
  });
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, found) =>
      error === null ? resolve(found) : reject(error),
    ),
  );
  return { port: bound, server };
}

const record = (path: string): AuditRecord => ({
  kind: 'call',
  time: '2030-01-01T00:00:00.000Z',
  workload: 'default/echo',
  pod: 'default/echo-1',
  operation: { protocol: 'http', path },
  decision: 'allowed',
});

test('pushes each record with its line, and goes on where it was when the server is back', async () => {
  const lines: string[] = [];
  const told: string[] = [];
  const first = await serve(0, lines);
  using sink = openAuditSink({
    target: `grpc://127.0.0.1:${first.port}`,
    writer: 'agent',
    print: () => undefined,
    onTrouble: (message) => told.push(message),
  });
  sink.write(['{"seq":1}\n', '{"seq":2}\n'], [record('/1'), record('/2')]);
  await until('two records', () => lines.length === 2);
  first.server.forceShutdown();
  await until('the server is missed', () => told.length === 1);
  sink.write(['{"seq":3}\n'], [record('/3')]);
  const second = await serve(first.port, lines);
  await until('the third record', () => lines.length === 3, 20_000);
  expect(lines).toEqual(['{"seq":1}', '{"seq":2}', '{"seq":3}']);
  expect(told[1]).toContain('takes audit records again');
  second.server.forceShutdown();
}, 40_000);

test('prints lines', () => {
  const printed: string[] = [];
  const print = (text: string): void => void printed.push(text);
  const sink = openAuditSink({ target: 'stdout', writer: 'agent', print, onTrouble: () => undefined });
  sink.write(['{"seq":1}\n', '{"seq":2}\n'], [record('/1'), record('/2')]);
  expect(printed).toEqual(['{"seq":1}\n{"seq":2}\n']);
});
