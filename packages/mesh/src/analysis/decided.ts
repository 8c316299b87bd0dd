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
    if (object === undefined || !isReason(code)) continue;
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
    yield code === 'destination-unknown' ? missingHost(scene, conflict) : conflict;
  }
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

function nearestHost(
  { servicesByHost, settings }: Scene,
  host: string,
  namespace: string,
): string | undefined {
  const own = `.${namespace}.svc.${settings.clusterDomain}`;
  const short = host.endsWith(own) ? host.slice(0, -own.length) : host;
  const names: string[] = [];
  for (const name of servicesByHost.keys()) {
    if (names.length >= mostNames) break;
    if (short === host) names.push(name);
    else if (name.endsWith(own)) names.push(name.slice(0, -own.length));
  }
  return nearestName(short, names);
}
