// The server of the language suite in JavaScript: HTTP on PORT, a banner and an echo on TCP_PORT.
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';

const host = process.env.BIND_ADDRESS;
const attempts = new Map();

const http = createServer(async (request, response) => {
  const [path] = request.url.split('?');
  const body = [];
  for await (const part of request) body.push(part);
  if (path === '/length') return response.end(String(Buffer.concat(body).length));
  if (path.startsWith('/status/')) return response.writeHead(Number(path.slice(8))).end('status');
  if (path === '/slow') return setTimeout(() => response.end('slow'), 2000);
  if (path === '/flaky') {
    const id = request.headers['x-id'];
    const seen = (attempts.get(id) ?? 0) + 1;
    attempts.set(id, seen);
    return response.writeHead(seen < 3 ? 503 : 200).end(`attempt ${seen}`);
  }
  if (path === '/stream') {
    for (let i = 0; i < 5; i++) response.write(`part ${i}\n`);
    return response.end();
  }
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\n`);
  response.end(`javascript ${request.method} ${request.url}\n${headers.join('')}`);
});
http.listen(Number(process.env.PORT), host);

createTcpServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.write('javascript\n');
  socket.pipe(socket);
}).listen(Number(process.env.TCP_PORT), host);

process.on('SIGTERM', () => process.exit(0));
