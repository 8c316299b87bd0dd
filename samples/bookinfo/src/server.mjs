// The HTTP server every service of the sample runs on; it ends in order: no request it accepted is lost.
import { createServer } from 'node:http';
import net from 'node:net';

const lingerMs = 250;
const hardStopMs = 4_000;
const bodyLimitBytes = 16_384;

/** An answer with a JSON body. */
export const json = (status, value, headers = {}) => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(value),
});

/** An answer that sends the browser elsewhere after a form. */
export const redirect = (location, headers = {}) => ({
  status: 303,
  headers: { location, ...headers },
  body: '',
});

/** Reads a whole request body; undefined when it is larger than the sample has any use for. */
export async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= bodyLimitBytes) chunks.push(chunk);
  }
  return size <= bodyLimitBytes ? Buffer.concat(chunks).toString('utf8') : undefined;
}

async function answerOf(service, request) {
  const { pathname } = new URL(request.url ?? '/', 'http://service.invalid');
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const matching = service.routes.filter((route) => route.path.test(pathname));
  const route = matching.find((candidate) => (candidate.method ?? 'GET') === method);
  if (route !== undefined) {
    return await route.handle({ request, headers: request.headers, match: route.path.exec(pathname) ?? [] });
  }
  if (matching.length === 0) return json(404, { error: `nothing is served at ${pathname}` });
  return json(405, { error: `${pathname} does not take ${request.method}` });
}

async function answer(service, request, response, isDraining) {
  const startedAt = performance.now();
  let made;
  try {
    made = await answerOf(service, request);
  } catch (error) {
    console.error(error);
    made = json(500, { error: `${service.name} made a mistake; its log says which` });
  }
  const body = Buffer.from(made.body);
  response.writeHead(made.status, {
    ...made.headers,
    'content-length': body.length,
    'x-service-version': service.version,
    ...(isDraining() ? { connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  if (request.url === '/health') return;
  const id = request.headers['x-request-id'];
  const took = (performance.now() - startedAt).toFixed(1);
  console.log(
    `${request.method} ${request.url} ${made.status} ${took}ms${id === undefined ? '' : ` id=${id}`}`,
  );
}

function stopOn(signal, server, startDraining) {
  process.once(signal, () => {
    startDraining();
    // net's close leaves idle connections open for a moment, so that a request already on its way is answered.
    net.Server.prototype.close.call(server, () => process.exit(0));
    setTimeout(() => server.closeIdleConnections(), lingerMs);
    setTimeout(() => process.exit(0), hardStopMs).unref();
  });
}

function listenAddress(env) {
  const port = Number(env.PORT ?? 9080);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    console.error(`PORT is "${env.PORT}"; set it to a number from 0 to 65535`);
    process.exit(2);
  }
  return { port, host: env.BIND_ADDRESS || '0.0.0.0' };
}

/** Serves `{name, version, routes: [{method?, path: RegExp, handle}]}` until SIGTERM or SIGINT. */
export function serve(service, env = process.env) {
  let isDraining = false;
  const startDraining = () => {
    isDraining = true;
  };
  const server = createServer(
    (request, response) => void answer(service, request, response, () => isDraining),
  );
  // A proxy in front keeps its connections; the side that closes first would lose a request now and then.
  server.keepAliveTimeout = 0;
  server.on('error', (error) => {
    console.error(`${service.name} cannot listen: ${error.message}`);
    process.exit(1);
  });
  server.listen(listenAddress(env), () => {
    const { address, port } = server.address();
    console.log(`${service.name} ${service.version} listening on ${address}:${port}`);
  });
  stopOn('SIGTERM', server, startDraining);
  stopOn('SIGINT', server, startDraining);
}
