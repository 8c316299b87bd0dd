// One Envoy's admin interface, over its private Unix socket.
import { requestUnix } from '../control/unix-http.ts';

export interface EnvoyAdmin {
  /** The page as text; rejects when the proxy does not answer, or not with 200. */
  text(path: string): Promise<string>;
  /** Changes something; rejects alike. */
  post(path: string): Promise<void>;
  /** True when it takes traffic: configured by the control plane, its workers running, and not draining. */
  isReady(): Promise<boolean>;
  /** Why it is not ready, for people. */
  explain(): Promise<string>;
}

const timeoutMs = 5_000;
const updates = ['cluster_manager.cds.update_success', 'listener_manager.lds.update_success'] as const;
const rejections = ['cluster_manager.cds.update_rejected', 'listener_manager.lds.update_rejected'] as const;
const workers = 'listener_manager.workers_started';

export function createEnvoyAdmin(socketPath: string): EnvoyAdmin {
  const ask = async (method: 'GET' | 'POST', path: string): Promise<{ status: number; body: string }> =>
    requestUnix({ socketPath, method, path, timeoutMs });
  const ok = async (method: 'GET' | 'POST', path: string): Promise<string> => {
    const { status, body } = await ask(method, path);
    if (status !== 200) throw new Error(`envoy answered ${status} to ${path}: ${body.slice(0, 200).trim()}`);
    return body;
  };
  const numbers = async (): Promise<ReadonlyMap<string, number>> => {
    const filter = encodeURIComponent(
      `^(${[...updates, ...rejections, workers].join('|').replaceAll('.', '\\.')})$`,
    );
    return readStats(await ok('GET', `/stats?filter=${filter}`));
  };
  return {
    text: (path) => ok('GET', path),
    post: async (path) => void (await ok('POST', path)),
    async isReady() {
      try {
        if ((await ask('GET', '/ready')).status !== 200) return false;
        const stats = await numbers();
        return [...updates, workers].every((name) => (stats.get(name) ?? 0) > 0);
      } catch {
        return false;
      }
    },
    async explain() {
      try {
        const { body } = await ask('GET', '/ready');
        return explainStats(body.trim(), await numbers());
      } catch {
        return 'the proxy does not answer yet';
      }
    },
  };
}

function explainStats(state: string, stats: ReadonlyMap<string, number>): string {
  const isMissing = (name: string): boolean => (stats.get(name) ?? 0) === 0;
  const [clusters, listeners] = updates;
  const [refusedClusters, refusedListeners] = rejections;
  if (!isMissing(refusedListeners)) return `the proxy is ${state} and refuses its listeners`;
  if (!isMissing(refusedClusters)) return `the proxy is ${state} and refuses its clusters`;
  if (isMissing(clusters)) return `the proxy is ${state} and has no clusters from the control plane yet`;
  if (isMissing(listeners)) return `the proxy is ${state} and has no listeners from the control plane yet`;
  if (isMissing(workers))
    return `the proxy is ${state} but cannot open its listeners; its log says which address is taken`;
  return `the proxy is ${state}`;
}

/** Lines `NAME: NUMBER`. */
function readStats(text: string): ReadonlyMap<string, number> {
  const pairs = text.split('\n').map((line) => {
    const colon = line.lastIndexOf(': ');
    return [line.slice(0, Math.max(0, colon)), Number(line.slice(colon + 2))] as const;
  });
  return new Map(pairs.filter(([name]) => name !== ''));
}
