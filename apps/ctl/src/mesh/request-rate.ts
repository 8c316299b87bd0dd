// Requests per second through the gateways of a mesh, from their Envoys' own counters.
import { workloadSockets } from '@xebec/agent';
import { controlPlaneOf } from '../admin/control-plane.ts';
import { at, numberOf, objectsOf, textOf } from '../admin/json.ts';
import { requestSocket } from '../admin/socket-request.ts';

const statsPath = `/stats?format=json&filter=${encodeURIComponent('^http\\..*\\.downstream_rq_total$')}`;
/** Connections that are not the mesh's own traffic. */
const ownPrefixes = ['http.admin.', 'http.agent', 'http.status', 'http.health', 'http.metrics'];

/** A meter to be read about once a second; undefined until the second reading. */
export function createRateMeter(state: string): () => Promise<number | undefined> {
  let last: { readonly total: number; readonly atMs: number } | undefined;
  return async () => {
    const total = await totalRequests(state);
    if (total === undefined) return undefined;
    const now = { total, atMs: performance.now() };
    const before = last;
    last = now;
    if (before === undefined || total < before.total) return undefined;
    return ((total - before.total) * 1000) / Math.max(1, now.atMs - before.atMs);
  };
}

async function totalRequests(state: string): Promise<number | undefined> {
  const answer = await controlPlaneOf(state).get('/v1/proxies');
  if (!answer.ok) return undefined;
  const routers = objectsOf(at(answer.value, 'items'))
    .map((item) => textOf(item['client']))
    .filter((client) => client.startsWith('router~'))
    .map((client) => client.split('~')[2]?.split('.')[0] ?? '');
  const totals = await Promise.all([...new Set(routers)].map((pod) => requestsOf(state, pod)));
  return totals.reduce((sum, total) => sum + total, 0);
}

async function requestsOf(state: string, pod: string): Promise<number> {
  const { admin } = workloadSockets(state, pod);
  const answer = await requestSocket({ socket: admin, path: statsPath, timeoutMs: 2_000 });
  if (answer.kind !== 'answered') return 0;
  try {
    const stats = objectsOf(at(JSON.parse(answer.text), 'stats'));
    return stats
      .filter((stat) => !ownPrefixes.some((prefix) => textOf(stat['name']).startsWith(prefix)))
      .reduce((sum, stat) => sum + (numberOf(stat['value']) ?? 0), 0);
  } catch {
    return 0;
  }
}
