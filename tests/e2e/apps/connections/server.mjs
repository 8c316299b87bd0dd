// A server of connections: one port speaks first, one waits, and two do not say what they speak.
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';

const address = process.env.BIND_ADDRESS ?? '127.0.0.1';
const version = process.env.VERSION ?? 'none';

const quiet = (socket) => socket.on('error', () => socket.destroy());
const speaksFirst = createServer((socket) => {
  quiet(socket).write(`ready ${version}\n`);
  socket.pipe(socket);
});
const waits = createServer((socket) => {
  quiet(socket).on('data', (part) => socket.write(`${version}: ${part}`));
  socket.on('end', () => socket.end());
});
const http = createHttpServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ version, path: request.url, headers: request.headers }));
});

speaksFirst.listen(9000, address);
waits.listen(9001, address);
createServer((socket) => {
  quiet(socket).write(`banner ${version}\n`);
  socket.pipe(socket);
}).listen(9002, address);
http.listen(9003, address);
createHttpServer((_request, response) => response.end('ok')).listen(8080, address);
