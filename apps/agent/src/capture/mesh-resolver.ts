// Addresses of mesh names for captured workloads: from the control plane, and from memory while that is away.

import type { HostAnswer, ResolveHost } from '@xebec/netfilter';
import { type Manifest, parseJson } from '../control/control-client.ts';
import { isRecord } from '../control/object-watch.ts';
import { requestUnix } from '../control/unix-http.ts';

/** As many names are remembered; the oldest answer goes first. */
const mostNames = 10_000;
const timeoutMs = 2_000;

/** Rejects only for a name that was never asked before while the control plane does not answer. */
export function createMeshResolver(controlSocket: string): ResolveHost {
  const remembered = new Map<string, HostAnswer>();
  return async (host, namespace) => {
    const query = new URLSearchParams({ host, namespace }).toString();
    try {
      const answer = await requestUnix({
        socketPath: controlSocket,
        method: 'GET',
        path: `/v1/resolve?${query}`,
        timeoutMs,
      });
      const found = readAnswer(parseJson(answer.body), answer.status);
      // That there is no such name is never remembered: it may have come since.
      if (found === 'unknown') remembered.delete(query);
      else remember(remembered, query, found);
      return found;
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

function readAnswer(answer: unknown, status: number): HostAnswer {
  const body: Manifest = isRecord(answer) ? answer : {};
  const { addresses, isStable, name, places } = body;
  if (status !== 200) throw new Error(`the control plane answered ${status}`);
  if (typeof name === 'string') return { kind: 'name', name };
  if (Array.isArray(places)) return { kind: 'places', places: places.flatMap(readPlace) };
  if (addresses === null) return 'unknown';
  if (!Array.isArray(addresses)) throw new Error('the control plane gave no answer to a name');
  const texts = addresses.filter((address) => typeof address === 'string');
  return isStable === false ? { kind: 'members', addresses: texts } : texts;
}

function readPlace(place: unknown): readonly { readonly host: string; readonly port: number }[] {
  const { host, port } = isRecord(place) ? place : {};
  return typeof host === 'string' && typeof port === 'number' ? [{ host, port }] : [];
}
