// A server of several protocols: HTTP/1.1 with WebSocket echo, HTTP/2 in clear text, gRPC, and TCP that speaks first.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
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
const counts = { http: 0, grpc: 0, tcp: 0 };

/** As an OpenAI-shaped API answers, whole or in events; every answer costs 42 tokens. */
function answerAsModel(request, response) {
  const usage = { prompt_tokens: 12, completion_tokens: 30, total_tokens: 42 };
  if (!request.url.startsWith('/model/stream')) {
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify({ choices: [{ message: { content: 'hello' } }], usage }));
  }
  response.setHeader('content-type', 'text/event-stream');
  const event = (value) => `data: ${JSON.stringify(value)}\n\n`;
  response.write(event({ choices: [{ delta: { content: 'hello' } }] }));
  // Cut in the middle of the event that says the usage.
  const last = event({ choices: [], usage });
  response.write(last.slice(0, 30));
  setTimeout(() => response.end(`${last.slice(30)}data: [DONE]\n\n`), 20);
}

const http1 = createServer((request, response) => {
  if (request.url?.startsWith('/model')) return answerAsModel(request, response);
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
