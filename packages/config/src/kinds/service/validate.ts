// What must hold between the fields of a Service.
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import type { ServicePortSpec, ServiceSpec } from './spec.ts';

/** Several ports need names, and no two may claim the same name or number. */
export function checkPorts(
  ports: readonly ServicePortSpec[],
  walk: Walk,
): readonly ServicePortSpec[] | undefined {
  const names = new Set<string>();
  const numbers = new Set<string>();
  let isGood = true;
  for (const [index, { name, port, transport }] of ports.entries()) {
    const number = `${transport}/${port}`;
    if (name === '' && ports.length > 1) isGood = nameless(index, walk);
    if (name !== '' && names.has(name)) isGood = twice(walk, index, `name "${name}"`);
    if (numbers.has(number)) isGood = twice(walk, index, `port ${port}`);
    names.add(name);
    numbers.add(number);
  }
  return isGood ? ports : undefined;
}

function nameless(index: number, walk: Walk): false {
  const message = 'every port needs a name when there are several';
  refuse(walk, { code: 'missing-field', message, remedy: 'add a name such as http or tcp-db' }, index);
  return false;
}

function twice(walk: Walk, index: number, what: string): false {
  refuse(
    walk,
    { code: 'duplicate', message: `two ports have the ${what}`, remedy: 'remove or change one' },
    index,
  );
  return false;
}

/** ExternalName is an alias in DNS that would bypass the mesh: refused until it is followed. */
export function checkType(
  type: ServiceSpec['type'] | 'ExternalName',
  walk: Walk,
): ServiceSpec['type'] | undefined {
  if (type !== 'ExternalName') return type;
  return refuse(
    walk,
    {
      code: 'not-yet-supported',
      message: 'type ExternalName is not yet supported',
      remedy: 'write a ServiceEntry with resolution DNS for the external name',
    },
    'type',
  );
}

interface Affinity {
  readonly sessionAffinity?: 'None' | 'ClientIP';
  readonly internalTrafficPolicy?: 'Cluster' | 'Local';
}

export function warnAboutAffinity({ sessionAffinity, internalTrafficPolicy }: Affinity, walk: Walk): void {
  const message = (what: string): string => `${what} has no effect in this mesh yet`;
  if (sessionAffinity === 'ClientIP') {
    caution(walk, { code: 'field-has-no-effect', message: message('ClientIP') }, 'sessionAffinity');
  }
  if (internalTrafficPolicy === 'Local') {
    caution(walk, { code: 'field-has-no-effect', message: message('Local') }, 'internalTrafficPolicy');
  }
}
