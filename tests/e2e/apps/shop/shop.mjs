// A server whose answers the caller chooses by the path, and which knows how often it was called for what.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const address = process.env.BIND_ADDRESS ?? '127.0.0.1';
const calls = new Map();

const describe = ({ url, method, headers }) =>
  JSON.stringify({ pod: process.env.POD_NAME, version: process.env.VERSION ?? '', url, method, headers });

function answer(request, response) {
  const [, verb, value = ''] = (request.url ?? '/').split('?')[0].split('/');
  const marker = request.headers['x-marker'];
  if (marker !== undefined && verb !== 'calls') {
    const seen = calls.get(marker) ?? [];
    calls.set(marker, [...seen, { at: performance.now(), headers: request.headers, url: request.url }]);
  }
  const reply = (status) =>
    response.writeHead(status, { 'x-version': process.env.VERSION ?? '' }).end(describe(request));
  if (verb === 'calls') response.end(JSON.stringify(calls.get(value) ?? []));
  else if (verb === 'status') reply(Number(value));
  else if (verb === 'slow') setTimeout(() => reply(200), Number(value));
  else reply(200);
}

const server = createServer(answer);
server.on('upgrade', (request, socket, head) => {
  const [, verb, value = ''] = (request.url ?? '/').split('/');
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.on('error', () => socket.destroy());
  const open = () => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nx-version: ${process.env.VERSION ?? ''}\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    );
    if (head.length > 0) socket.write(head);
    socket.pipe(socket);
  };
  if (verb === 'slow') setTimeout(open, Number(value));
  else open();
});
server.listen(Number(process.env.HTTP_PORT ?? 8080), address);
process.on('SIGTERM', () => process.exit(0));
