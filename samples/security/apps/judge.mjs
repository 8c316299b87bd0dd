// judge: whom a CUSTOM policy asks, over HTTP. It lets through whoever shows a badge, and tells services whose it is.
import { createServer } from 'node:http';

const badges = new Map([
  ['blue', 'alice'],
  ['red', 'bob'],
]);

createServer((request, response) => {
  const user = badges.get(request.headers['x-badge']);
  if (request.url === '/health') response.writeHead(200).end();
  else if (user === undefined) response.writeHead(403, { 'x-why': 'no badge' }).end('show your badge\n');
  else response.writeHead(200, { 'x-user': user }).end();
}).listen(Number(process.env.PORT ?? 8000), process.env.BIND_ADDRESS || '0.0.0.0');

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
