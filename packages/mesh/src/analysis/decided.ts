// What the mesh decided between objects that contradict each other, once for each decision, with more advice where names are near.
import { nearestName } from '@xebec/config';
import type { Conflict } from '../conflict.ts';
import { isReason } from './catalog.ts';
import type { Scene } from './scene.ts';

/** The conflicts of the pipeline, without repetitions for each proxy or layer. */
export function* decisions(scene: Scene): Generator<Conflict> {
  const told = new Set<string>();
  for (const [, { code, origin, field, message, remedy = '' }] of scene.mesh.conflicts.entries()) {
    const object = origin?.object;
    // Told in the light of all Gateways of the VirtualService by another check.
    if (object === undefined || !isReason(code) || code === 'gateway-host-not-open') continue;
    const id = `${code}|${object}|${field ?? ''}|${message}`;
    if (told.has(id)) continue;
    told.add(id);
    const conflict: Conflict = {
      code,
      object: object as Conflict['object'],
      ...(field === undefined ? {} : { field }),
      message,
      remedy,
    };
    const placed = atDestination(conflict);
    yield code === 'destination-unknown' ? missingHost(scene, placed) : placed;
  }
}

/** The word that is wrong, inside the route or mirror. */
const words: Readonly<Record<string, string>> = {
  'destination-unknown': '.host',
  'destination-port-unknown': '.port',
  'destination-subset-unknown': '.subset',
};

function atDestination(conflict: Conflict): Conflict {
  const { code, field } = conflict;
  const word = words[code] ?? (code === 'destination-port-open' ? '' : undefined);
  if (word === undefined || field === undefined) return conflict;
  return { ...conflict, field: `${field}${field.endsWith('.mirror') ? '' : '.destination'}${word}` };
}

const hostIn = /no service (\S+) is known/;

/** A host may be there and not be exported, or be meant by a name that is near. */
function missingHost(scene: Scene, conflict: Conflict): Conflict {
  const host = hostIn.exec(conflict.message)?.[1] ?? '';
  const namespace = conflict.object.split('/')[1] ?? '';
  const [elsewhere] = scene.servicesByHost.get(host) ?? [];
  if (elsewhere !== undefined) {
    return {
      ...conflict,
      code: 'destination-hidden',
      message: `${host} of namespace ${elsewhere.namespace} is not exported to ${namespace}; requests get 503`,
      remedy: `add ${namespace} to exportTo there`,
    };
  }
  const near = nearestHost(scene, host, namespace);
  return near === undefined ? conflict : { ...conflict, remedy: `did you mean "${near}"?` };
}

const mostNames = 500;

/** By what tells hosts apart: without the end that all services of Kubernetes have. */
function nearestHost(
  { servicesByHost, settings }: Scene,
  host: string,
  namespace: string,
): string | undefined {
  const end = `.svc.${settings.clusterDomain}`;
  const own = `.${namespace}${end}`;
  const isOwn = host.endsWith(own);
  const names = new Map<string, string>();
  for (const name of servicesByHost.keys()) {
    if (names.size >= mostNames) break;
    if (isOwn && name.endsWith(own)) names.set(name.slice(0, -own.length), name.slice(0, -own.length));
    else if (!isOwn) names.set(name.replace(end, ''), name);
  }
  const near = nearestName(isOwn ? host.slice(0, -own.length) : host.replace(end, ''), names.keys());
  return near === undefined ? undefined : names.get(near);
}
