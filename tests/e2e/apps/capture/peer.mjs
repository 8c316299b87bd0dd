// Says who is connected to it, as far as it can see, and what headers came along. Listens for IPv6, too, where it may.
import { createServer } from 'node:http';

const address = process.env.BIND_ADDRESS ?? '127.0.0.1';
const answer = (request, response) =>
  response.end(
    JSON.stringify({
      pod: process.env.POD_NAME,
      from: request.socket.remoteAddress.replace('::ffff:', ''),
      isMesh: 'x-forwarded-client-cert' in request.headers,
    }),
  );
for (const port of [8080, 8081, 8082])
  createServer(answer).listen(port, address === '0.0.0.0' ? '::' : address);
process.on('SIGTERM', () => process.exit(0));
