// gRPC probes against a real HTTP/2 server: serving, not serving, an error, silence.
import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { askGrpc } from './ask-grpc.ts';

/** A health server that answers as told; it gives back the name of the service that was asked for. */
async function serving(answer: (stream: ServerHttp2Stream) => void) {
  const asked: string[] = [];
  const server = createServer();
  server.on('stream', (stream) => {
    stream.on('data', (part: Buffer) => asked.push(part.subarray(7).toString()));
    stream.on('error', () => undefined);
    answer(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = (service?: string, timeoutMs = 5_000) =>
    askGrpc(
      { kind: 'grpc', port, ...(service === undefined ? {} : { service }) },
      { host: '127.0.0.1' },
      { timeoutMs },
    );
  return { asked, ask, [Symbol.dispose]: () => void server.close() };
}

function reply(stream: ServerHttp2Stream, status: number): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
}

it('passes when the service serves, and names the service', async () => {
  using health = await serving((stream) => reply(stream, 1));
  expect(await health.ask('shop.Cart')).toEqual({ passing: true, message: 'SERVING' });
  expect(health.asked).toEqual(['shop.Cart']);
});

it('fails when it does not serve, when the call fails, and without an answer', async () => {
  using sick = await serving((stream) => reply(stream, 2));
  expect(await sick.ask()).toEqual({ passing: false, message: 'NOT_SERVING' });
  using strange = await serving((stream) =>
    stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true }),
  );
  expect(await strange.ask()).toEqual({ passing: false, message: 'gRPC status 12' });
  using silent = await serving(() => undefined);
  expect(await silent.ask(undefined, 50)).toEqual({ passing: false, message: 'no answer within 0.05 s' });
});

it('fails when nobody listens', async () => {
  const answer = await askGrpc({ kind: 'grpc', port: 1 }, { host: '127.0.0.1' }, { timeoutMs: 1_000 });
  expect(answer.passing).toBe(false);
});
