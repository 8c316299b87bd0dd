// Calls to the other services: through the proxy that `http_proxy` names, or straight to the host when there is none.
import http from 'node:http';

const bodyLimitBytes = 1_048_576;
const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });

// A service that calls on behalf of a request hands these on; without them a trace falls apart and
// routing by user or by browser stops at the first hop.
const contextHeaders = [
  'x-request-id',
  'x-ot-span-context',
  'x-datadog-trace-id',
  'x-datadog-parent-id',
  'x-datadog-sampling-priority',
  'traceparent',
  'tracestate',
  'baggage',
  'x-cloud-trace-context',
  'grpc-trace-bin',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'sw8',
  'end-user',
  'user-agent',
  'cookie',
  'authorization',
  'jwt',
];

/** The headers of an incoming request that travel on with the calls it causes. */
export function forwardedHeaders(incoming) {
  return Object.fromEntries(
    contextHeaders.filter((name) => incoming[name]).map((name) => [name, incoming[name]]),
  );
}

function proxyOf(env) {
  if (!env.http_proxy) return undefined;
  const proxy = URL.canParse(env.http_proxy) ? new URL(env.http_proxy) : undefined;
  if (proxy?.protocol === 'http:')
    return { host: proxy.hostname.replace(/^\[|\]$/g, ''), port: proxy.port || 80 };
  console.error(`http_proxy is "${env.http_proxy}"; write it as http://ADDRESS:PORT`);
  process.exit(2);
}

function authorityOf(service, env) {
  const upper = service.toUpperCase();
  const domain = env.SERVICES_DOMAIN ? `.${env.SERVICES_DOMAIN}` : '';
  return `${env[`${upper}_HOSTNAME`] || service}${domain}:${env[`${upper}_SERVICE_PORT`] || 9080}`;
}

function targetOf(authority, path, proxy) {
  if (proxy !== undefined) return { ...proxy, path: `http://${authority}${path}` };
  const { hostname, port } = new URL(`http://${authority}`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port || 80, path };
}

async function collect(response) {
  const chunks = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > bodyLimitBytes) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(options) {
  return new Promise((resolve, reject) => {
    const request = http.request({ ...options, agent, method: 'GET' });
    request.on('response', (response) => {
      collect(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      );
    });
    request.on('error', (error) => reject(Object.assign(error, { wasReused: request.reusedSocket })));
    request.end();
  });
}

/**
 * A function `get({service, path, headers, timeoutMs})` that gives `{status, headers, body}` or throws.
 * A kept connection that the other side had just closed is worth a second try; nothing else is retried here.
 */
export function createClient(env = process.env) {
  const proxy = proxyOf(env);
  return async ({ service, path, headers, timeoutMs }) => {
    const authority = authorityOf(service, env);
    const options = {
      ...targetOf(authority, path, proxy),
      headers: { accept: 'application/json', ...headers, host: authority },
      signal: AbortSignal.timeout(timeoutMs),
    };
    try {
      return await send(options);
    } catch (error) {
      if (error.wasReused && error.code === 'ECONNRESET') return await send(options);
      throw error;
    }
  };
}
