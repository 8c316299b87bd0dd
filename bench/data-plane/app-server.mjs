// The application behind the sidecars, in a process of its own: answers every request with a few bytes. Argument: ADDRESS.
import { createServer } from 'node:http';

const body = 'x'.repeat(256);
const server = createServer((_request, response) => {
  response.setHeader('content-type', 'text/plain');
  response.end(body);
});
server.keepAliveTimeout = 120_000;
server.listen(0, process.argv[2] ?? '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) process.send?.(address.port);
});
process.on('disconnect', () => process.exit(0));
