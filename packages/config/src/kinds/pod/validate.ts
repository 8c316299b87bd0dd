// What must hold between the parts of a Pod.
import { refuse, type Walk } from '../../decode/walk.ts';
import type { Container, ContainerPort, PodBody } from './spec.ts';

/** Names of the ports of one container are unique. */
export function checkPortNames(
  ports: readonly ContainerPort[],
  walk: Walk,
): readonly ContainerPort[] | undefined {
  return allDistinct(
    ports.map(({ name }) => name),
    'ports',
    walk,
  )
    ? ports
    : undefined;
}

/** Names of containers are unique, and probes refer to ports that exist. */
export function checkContainers(body: PodBody, walk: Walk): PodBody | undefined {
  const names = [...body.containers, ...body.initContainers].map(({ name }) => name);
  let isGood = allDistinct(names, 'containers', walk);
  for (const [index, container] of body.containers.entries()) {
    if (!checkProbes(container, index, walk)) isGood = false;
  }
  return isGood ? body : undefined;
}

const probes = ['readinessProbe', 'livenessProbe', 'startupProbe'] as const;

function checkProbes(container: Container, index: number, walk: Walk): boolean {
  let isGood = true;
  for (const name of probes) {
    const action = container[name]?.action;
    if (action === undefined || action.kind === 'exec' || typeof action.port === 'number') continue;
    if (container.ports.some((port) => port.name === action.port)) continue;
    const known = container.ports.filter((port) => port.name !== '').map((port) => port.name);
    isGood = false;
    refuse(
      walk,
      {
        code: 'unknown-reference',
        message: `container "${container.name}" has no port named "${action.port}"`,
        remedy: known.length === 0 ? 'write the port number' : `named ports: ${known.join(', ')}`,
      },
      'containers',
      index,
      name,
      action.kind,
      'port',
    );
  }
  return isGood;
}

function allDistinct(names: readonly string[], what: string, walk: Walk): boolean {
  const seen = new Set<string>();
  for (const name of names) {
    if (name !== '' && seen.has(name)) {
      refuse(walk, { code: 'duplicate', message: `two ${what} are named "${name}"`, remedy: 'rename one' });
      return false;
    }
    seen.add(name);
  }
  return true;
}
