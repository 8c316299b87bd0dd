// A server of several protocols: HTTP/1.1 with WebSocket echo, HTTP/2 in clear text, gRPC, and TCP that speaks first.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import grpc from '@grpc/grpc-js';

const address = process.env.BIND_ADDRESS ?? '127.0.0.1';
const describe = (request) =>
  JSON.stringify({
    pod: process.env.POD_NAME,
    version: request.httpVersion,
    path: request.url,
    headers: request.headers,
  });

/** What has come in, for those who compare it with what others say has. */
const counts = { http: 0, grpc: 0, tcp: 0, models: 0 };

const usage = { prompt_tokens: 12, completion_tokens: 30, total_tokens: 42 };
const chat = (more) => ({ choices: [{ message: { content: '"usage":{"total_tokens":1}' } }], ...more });
const event = (value, name) =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(value)}\n\n`;
const chunk = event({ choices: [{ delta: { content: 'hello' } }], usage: null });

/** Answers in one piece, by path; every one with a usage costs 42 tokens. */
const bodies = {
  '/model': () => chat({ usage }),
  '/model/none': () => chat({}),
  '/model/huge': () => chat({ padding: 'x'.repeat(3_000_000), usage }),
  '/model/messages': () => ({
    type: 'message',
    content: [{ type: 'tool_use', input: { usage: { output_tokens: 1 } } }],
    usage: { input_tokens: 10, cache_read_input_tokens: 2, output_tokens: 30 },
  }),
};

/** Answers in events; an empty one ends the connection in the middle. */
const streams = {
  // Cut in the middle of the event that says the usage.
  '/model/stream': () => [chunk, ...halves(event({ choices: [], usage })), 'data: [DONE]\n\n'],
  '/model/stream/none': () => [chunk, 'data: [DONE]\n\n'],
  '/model/stream/abort': () => [chunk, ''],
  '/model/messages/stream': () => [
    event(
      { type: 'message_start', message: { usage: { input_tokens: 12, output_tokens: 1 } } },
      'message_start',
    ),
    event({ type: 'message_delta', delta: {}, usage: { output_tokens: 30 } }, 'message_delta'),
    event({ type: 'message_stop' }, 'message_stop'),
  ],
  '/model/messages/abort': () => [
    event(
      { type: 'message_start', message: { usage: { input_tokens: 12, output_tokens: 1 } } },
      'message_start',
    ),
    '',
  ],
};

const halves = (text) => [text.slice(0, 30), text.slice(30)];

/** As APIs of language models answer, whole or in events, compressed where the client takes that. */
function answerAsModel(request, response) {
  counts.models += 1;
  const path = request.url.split('?')[0];
  if (Object.hasOwn(streams, path)) return answerInEvents(streams[path](), response);
  const make = Object.hasOwn(bodies, path) ? bodies[path] : bodies['/model'];
  const body = Buffer.from(JSON.stringify(make()));
  response.setHeader('content-type', 'application/json; charset=utf-8');
  const takesGzip = String(request.headers['accept-encoding'] ?? '').includes('gzip');
  if (!takesGzip && !path.endsWith('/gzip')) return response.end(body);
  response.setHeader('content-encoding', 'gzip');
  response.end(gzipSync(body));
}

function answerInEvents([first, ...others], response) {
  response.setHeader('content-type', 'text/event-stream');
  const write = (parts) => {
    const [part, ...rest] = parts;
    if (part === undefined) return response.end();
    if (part === '') return response.destroy();
    response.write(part);
    setTimeout(() => write(rest), 20);
  };
  write([first, ...others]);
}

/** What an API's own log says: which operation was served, for which key. It reads paths as generous servers do. */
const served = [];

function serveApi(request, response) {
  const { pathname, searchParams } = new URL(request.url.replaceAll(/[/]{2,}/g, '/'), 'http://echo');
  const [, , collection = '', id = ''] = decodeURIComponent(pathname).split('/');
  const operation = operationOf(request.method, collection.toLowerCase(), id);
  const cookie = /(?:^|; )key=([^;]*)/.exec(String(request.headers.cookie ?? ''))?.[1];
  const key = searchParams.get('api_key') ?? request.headers['x-key'] ?? cookie ?? 'none';
  served.push({ operation, key, url: request.url });
  response.end(JSON.stringify({ operation }));
}

function operationOf(method, collection, id) {
  if (collection !== 'pets') return 'none';
  if (id === '') return method === 'POST' ? 'addPet' : 'listPets';
  return method === 'DELETE' ? 'deletePet' : 'getPet';
}

const http1 = createServer((request, response) => {
  response.setHeader('x-powered-by', 'echo');
  if (request.url?.startsWith('/model')) return answerAsModel(request, response);
  if (request.url?.startsWith('/api')) return serveApi(request, response);
  if (request.url === '/served') return response.end(JSON.stringify(served));
  if (request.url === '/counts') return response.end(JSON.stringify(counts));
  // Probes come without a proxy.
  if (request.headers['x-request-id'] !== undefined) counts.http += 1;
  if (request.url?.startsWith('/slow')) setTimeout(() => response.end(describe(request)), 2000);
  else response.end(describe(request));
});
http1.on('upgrade', (request, socket, head) => {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
  );
  if (head.length > 0) socket.write(head);
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
});
const http2 = createHttp2Server((request, response) => response.end(describe(request)));

const bytes = {
  requestSerialize: (v) => v,
  requestDeserialize: (v) => v,
  responseSerialize: (v) => v,
  responseDeserialize: (v) => v,
};
const service = {
  Unary: { path: '/echo.Echo/Unary', requestStream: false, responseStream: false, ...bytes },
  Flaky: { path: '/echo.Echo/Flaky', requestStream: false, responseStream: false, ...bytes },
  Denied: { path: '/echo.Echo/Denied', requestStream: false, responseStream: false, ...bytes },
  Chat: { path: '/echo.Echo/Chat', requestStream: true, responseStream: true, ...bytes },
};
const rpc = new grpc.Server();
rpc.addService(service, {
  Unary: (call, answer) => {
    counts.grpc += 1;
    answer(null, call.request);
  },
  Flaky: (call, answer) => {
    const attempt = Number(call.metadata.get('x-envoy-attempt-count')[0] ?? 1);
    if (attempt < 3) answer({ code: grpc.status.UNAVAILABLE, details: `attempt ${attempt}` });
    else answer(null, Buffer.from(`attempt ${attempt}`));
  },
  Denied: (_call, answer) => answer({ code: grpc.status.PERMISSION_DENIED, details: 'no' }),
  Chat: (call) => {
    call.on('data', (message) => call.write(message));
    call.on('end', () => call.end());
  },
});

const tcp = createTcpServer((socket) => {
  counts.tcp += 1;
  socket.on('error', () => socket.destroy());
  socket.write('ready\n');
  socket.pipe(socket);
});

http1.listen(Number(process.env.HTTP_PORT ?? 8080), address);
http2.listen(Number(process.env.HTTP2_PORT ?? 8081), address);
tcp.listen(Number(process.env.TCP_PORT ?? 9000), address);
rpc.bindAsync(
  `${address}:${process.env.GRPC_PORT ?? 50051}`,
  grpc.ServerCredentials.createInsecure(),
  (error) => {
    if (error !== null) throw error;
  },
);
process.on('SIGTERM', () => process.exit(0));
