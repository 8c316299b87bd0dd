// Addresses of mesh names for captured workloads: from the control plane, and from memory while that is away.
import { type Manifest, parseJson } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';
import { requestUnix } from '../control/unix-http.ts';

export type ResolveName = (host: string, namespace: string) => Promise<readonly string[] | 'unknown'>;

/** As many names are remembered; the oldest answer goes first. */
const mostNames = 10_000;
const timeoutMs = 2_000;

/** Rejects only for a name that was never asked before while the control plane does not answer. */
export function createMeshResolver(controlSocket: string): ResolveName {
  const remembered = new Map<string, readonly string[] | 'unknown'>();
  return async (host, namespace) => {
    const query = new URLSearchParams({ host, namespace }).toString();
    try {
      const answer = await requestUnix({
        socketPath: controlSocket,
        method: 'GET',
        path: `/v1/resolve?${query}`,
        timeoutMs,
      });
      const addresses = readAddresses(parseJson(answer.body), answer.status);
      remember(remembered, query, addresses);
      return addresses;
    } catch (error) {
      const last = remembered.get(query);
      if (last === undefined) throw error;
      return last;
    }
  };
}

function remember<V>(names: Map<string, V>, key: string, value: V): void {
  names.delete(key);
  names.set(key, value);
  const [oldest] = names.keys();
  if (names.size > mostNames && oldest !== undefined) names.delete(oldest);
}

function readAddresses(answer: unknown, status: number): readonly string[] | 'unknown' {
  const body: Manifest = isRecord(answer) ? answer : {};
  const { addresses } = body;
  if (status === 200 && addresses === null) return 'unknown';
  if (status !== 200 || !Array.isArray(addresses)) throw new Error(`the control plane answered ${status}`);
  return addresses.filter((address) => typeof address === 'string');
}
