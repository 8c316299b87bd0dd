// The HTTP port of a mesh's own policy service: its page of metrics, and its API.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchText } from './http.ts';
import { type Mesh, until } from './mesh.ts';
import { parseMetrics, type Sample } from './metrics.ts';

/** `HOST:PORT`; it starts with the first object that is for one. */
export const policyAddress = (mesh: Pick<Mesh, 'state'>, what: 'http' | 'grpc'): Promise<string> =>
  until(
    'a policy service',
    async () => {
      const log = readFileSync(join(mesh.state, 'logs/policy.log'), 'utf8');
      return [...log.matchAll(new RegExp(`listening ${what} (\\S+)`, 'g'))].at(-1)?.[1];
    },
    60_000,
  );

export async function policyMetrics(mesh: Pick<Mesh, 'state'>): Promise<readonly Sample[]> {
  const token = readFileSync(join(mesh.state, 'run/metrics.token'), 'utf8').trim();
  const url = `http://${await policyAddress(mesh, 'http')}/metrics`;
  const { status, body } = await fetchText({ url, headers: { authorization: `Bearer ${token}` } });
  if (status !== 200) throw new Error(`the page of metrics: ${status} ${body}`);
  return parseMetrics(body);
}
