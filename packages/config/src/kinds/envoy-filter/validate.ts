// What goes together in a patch. Istio ignores combinations that cannot work; here they are refused, so that no patch is without effect.
import { knownTypes } from '@xebec/protos';
import { refuse, type Walk } from '../../decode/walk.ts';
import { readPayload } from './payload.ts';
import type { ConfigPatch, PatchMatch, PatchOperation, PatchTarget } from './spec.ts';

const ordered: readonly PatchOperation[] = [
  'ADD',
  'REMOVE',
  'INSERT_BEFORE',
  'INSERT_AFTER',
  'INSERT_FIRST',
  'MERGE',
];

/** What can be done to what. */
const operations: Readonly<Record<PatchTarget, readonly PatchOperation[]>> = {
  LISTENER: ['MERGE', 'ADD', 'REMOVE'],
  LISTENER_FILTER: [...ordered, 'REPLACE'],
  FILTER_CHAIN: ['MERGE', 'ADD', 'REMOVE'],
  NETWORK_FILTER: [...ordered, 'REPLACE'],
  HTTP_FILTER: [...ordered, 'REPLACE'],
  ROUTE_CONFIGURATION: ['MERGE'],
  VIRTUAL_HOST: ['MERGE', 'ADD', 'REMOVE', 'REPLACE'],
  HTTP_ROUTE: ordered,
  CLUSTER: ['MERGE', 'ADD', 'REMOVE'],
  EXTENSION_CONFIG: ['ADD'],
  BOOTSTRAP: ['MERGE'],
};

type MatchPart = 'listener' | 'route' | 'cluster';

const partOf: Readonly<Record<PatchTarget, MatchPart | undefined>> = {
  LISTENER: 'listener',
  LISTENER_FILTER: 'listener',
  FILTER_CHAIN: 'listener',
  NETWORK_FILTER: 'listener',
  HTTP_FILTER: 'listener',
  ROUTE_CONFIGURATION: 'route',
  VIRTUAL_HOST: 'route',
  HTTP_ROUTE: 'route',
  CLUSTER: 'cluster',
  EXTENSION_CONFIG: undefined,
  BOOTSTRAP: undefined,
};

const fieldOf = { listener: 'listener', route: 'routeConfiguration', cluster: 'cluster' } as const;
const parts = ['listener', 'route', 'cluster'] as const;

export function checkPatch(patch: ConfigPatch, walk: Walk): ConfigPatch | undefined {
  const { applyTo, operation, match } = patch;
  if (!operations[applyTo].includes(operation)) {
    const message = `${operation} cannot be done to ${applyTo}`;
    const remedy = `write one of ${operations[applyTo].join(', ')}`;
    return refuse(walk, { code: 'conflicting-fields', message, remedy }, 'patch', 'operation');
  }
  if (!checkParts(applyTo, match, walk) || !checkDepth(applyTo, operation, { match, walk })) return undefined;
  if (!checkClass(patch, walk)) return undefined;
  return checkValue(patch, walk) ? patch : undefined;
}

/** A condition on something else would be without effect. */
function checkParts(applyTo: PatchTarget, match: PatchMatch, walk: Walk): boolean {
  const wanted = partOf[applyTo];
  const wrong = parts.find((part) => part !== wanted && match[part] !== undefined);
  if (wrong === undefined) return true;
  const message = `${applyTo} is not chosen by ${fieldOf[wrong]}`;
  const remedy = wanted === undefined ? 'remove it' : `write ${fieldOf[wanted]}`;
  refuse(walk, { code: 'conflicting-fields', message, remedy }, 'match', fieldOf[wrong]);
  return false;
}

interface Place {
  readonly match: PatchMatch;
  readonly walk: Walk;
}

/** What is removed, replaced or merged by name needs the name. */
function checkDepth(applyTo: PatchTarget, operation: PatchOperation, { match, walk }: Place): boolean {
  const needed = nameNeeded(applyTo, operation, match);
  if (needed === undefined) return true;
  const message = `${operation} of ${applyTo} needs the name of what it is done to`;
  refuse(walk, { code: 'missing-field', message, remedy: `add ${needed}` }, 'match');
  return false;
}

function nameNeeded(
  applyTo: PatchTarget,
  operation: PatchOperation,
  { listener }: PatchMatch,
): string | undefined {
  if (operation !== 'REMOVE' && operation !== 'REPLACE' && operation !== 'MERGE') return undefined;
  const filter = listener?.filterChain?.filter;
  switch (applyTo) {
    case 'NETWORK_FILTER':
      return filter === undefined ? 'listener.filterChain.filter.name' : undefined;
    case 'HTTP_FILTER':
      return listener?.filterChain?.subFilter === undefined
        ? 'listener.filterChain.filter.subFilter.name'
        : undefined;
    case 'LISTENER_FILTER':
      return listener?.listenerFilter === undefined ? 'listener.listenerFilter' : undefined;
    default:
      return undefined;
  }
}

function checkClass({ applyTo, operation, filterClass }: ConfigPatch, walk: Walk): boolean {
  if (filterClass === 'UNSPECIFIED') return true;
  if (operation === 'ADD' && (applyTo === 'HTTP_FILTER' || applyTo === 'NETWORK_FILTER')) return true;
  const message = 'filterClass says where ADD puts an HTTP or network filter';
  const remedy = 'remove it, or write operation: ADD';
  refuse(walk, { code: 'conflicting-fields', message, remedy }, 'patch', 'filterClass');
  return false;
}

function checkValue({ applyTo, operation, value }: ConfigPatch, walk: Walk): boolean {
  if (operation === 'REMOVE') return true;
  if (value === undefined) {
    const message = `the field "value" is missing: ${operation} needs it`;
    refuse(walk, { code: 'missing-field', message, remedy: 'add "value"' }, 'patch');
    return false;
  }
  const registry = knownTypes();
  const payload = registry === undefined ? undefined : readPayload(applyTo, value, registry);
  if (payload === undefined || payload.ok) return true;
  const remedy = 'write the fields as in the documentation of Envoy 1.40';
  refuse(walk, { code: 'invalid-envoy-config', message: payload.reason, remedy }, 'patch', 'value');
  return false;
}
