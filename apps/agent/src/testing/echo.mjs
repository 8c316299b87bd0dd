// The application of the tests: tells who it is and what it was started with; fails and dies when asked.
import { createServer } from 'node:http';

const { BIND_ADDRESS = '0.0.0.0', PORT = '0' } = process.env;
let isHealthy = true;
const server = createServer((request, response) => {
  const url = request.url ?? '/';
  if (url === '/die') process.exit(3);
  if (url === '/sick') isHealthy = false;
  if (url === '/metrics') {
    response.end('# TYPE echo_requests_total counter\necho_requests_total 1\n');
    return;
  }
  if (url === '/health') {
    response.writeHead(isHealthy ? 200 : 500).end();
    return;
  }
  response.setHeader('content-type', 'application/json');
  response.end(
    JSON.stringify({
      pod: process.env.POD_NAME,
      pid: process.pid,
      env: process.env,
      args: process.argv.slice(2),
    }),
  );
});
server.keepAliveTimeout = 0;
server.listen(Number(PORT), BIND_ADDRESS, () => console.log(`listening on ${BIND_ADDRESS}:${PORT}`));
process.once('SIGTERM', () => {
  console.log('ending');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
