// What must hold between the fields of a Service.
import { caution, refuse, type Walk } from '../../decode/walk.ts';
import { isIpv6 } from '../../values/address.ts';
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

interface Named {
  readonly type: ServiceSpec['type'];
  readonly externalName?: string;
}

/** An alias needs the name that it stands for, and nothing else may have one. */
export function checkExternalName({ type, externalName }: Named, walk: Walk): boolean {
  if (type === 'ExternalName' && externalName === undefined) {
    const message = 'type ExternalName needs the field "externalName"';
    refuse(walk, { code: 'missing-field', message, remedy: 'add externalName, such as db.example.com' });
    return false;
  }
  if (type !== 'ExternalName' && externalName !== undefined) {
    const message = `externalName has no effect in a Service of type ${type}`;
    const remedy = 'set type to ExternalName, or remove externalName';
    caution(walk, { code: 'field-has-no-effect', message, remedy }, 'externalName');
  }
  return true;
}

interface Affinity {
  readonly sessionAffinityConfig?: { readonly clientIP?: { readonly timeoutSeconds?: number } };
}

const mostAffinitySeconds = 86_400;

export function checkAffinity({ sessionAffinityConfig }: Affinity, walk: Walk): boolean {
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (seconds === undefined || (seconds > 0 && seconds <= mostAffinitySeconds)) return true;
  const message = `${seconds} s is not a time that a client may be idle`;
  const remedy = `write 1 to ${mostAffinitySeconds} seconds`;
  const place = ['sessionAffinityConfig', 'clientIP', 'timeoutSeconds'] as const;
  refuse(walk, { code: 'out-of-range', message, remedy }, ...place);
  return false;
}

/** At most one address of each family, as Kubernetes has it. */
export function checkAddresses(
  { clusterIPs = [] }: { readonly clusterIPs?: readonly string[] },
  walk: Walk,
): boolean {
  const [first, second] = clusterIPs;
  if (first === undefined || second === undefined || isIpv6(first) !== isIpv6(second)) return true;
  const message = 'both addresses are of one family';
  const remedy = 'write one IPv4 and one IPv6 address, or one address';
  refuse(walk, { code: 'duplicate', message, remedy }, 'clusterIPs', 1);
  return false;
}
