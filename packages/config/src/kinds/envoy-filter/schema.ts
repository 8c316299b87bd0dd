// EnvoyFilter: changes to the configuration that is made for proxies, for what no other kind can say.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { andThen, type Decoder, integer, list, oneOf, quote, wrongType } from '../../decode/decoder.ts';
import { type Decoded, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { emptyMap, isMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import { namesOwnSocket } from '../../values/socket-path.ts';
import { labels } from '../../values/text-map.ts';
import { defineKind, istioNetworking, manifestOf } from '../define.ts';
import { gatewayTarget } from '../policy-targets.ts';
import { cluster, context, listener, proxy, routeConfiguration } from './match.ts';
import type { ConfigPatch, EnvoyFilterSpec } from './spec.ts';
import { checkPatch } from './validate.ts';

const json: Decoder<JsonObject> = (value, walk) => {
  if (!isMap(value)) return refuse(walk, wrongType('a map', value));
  const socket = ownSocketIn(value);
  return socket === undefined
    ? (plainJson(value) as JsonObject)
    : refuse(walk, {
        code: 'protected-socket',
        message: `${quote(socket)} has the name of a socket of the mesh itself, and no proxy may be led there`,
        remedy: 'leave it out',
      });
};

/** A text anywhere inside that ends like the path of a socket of the mesh. */
function ownSocketIn(value: unknown): string | undefined {
  if (typeof value === 'string') return namesOwnSocket(value) ? value : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const inner of Object.values(value)) {
    const found = ownSocketIn(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** As protobuf-es takes it: maps with a prototype. */
function plainJson(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(plainJson);
  if (!isMap(value)) return value as JsonValue;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainJson(inner)]));
}

const target = oneOf(
  'LISTENER',
  'LISTENER_FILTER',
  'FILTER_CHAIN',
  'NETWORK_FILTER',
  'HTTP_FILTER',
  'ROUTE_CONFIGURATION',
  'VIRTUAL_HOST',
  'HTTP_ROUTE',
  'CLUSTER',
  'EXTENSION_CONFIG',
  'BOOTSTRAP',
);

const operation = oneOf('MERGE', 'ADD', 'REMOVE', 'INSERT_BEFORE', 'INSERT_AFTER', 'INSERT_FIRST', 'REPLACE');

const matchShape = {
  context: withDefault(context, 'ANY'),
  proxy: optional(proxy),
  listener: optional(listener),
  routeConfiguration: optional(routeConfiguration),
  cluster: optional(cluster),
};

const patchShape = {
  operation: required(operation),
  value: optional(json),
  filterClass: withDefault(oneOf('UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS'), 'UNSPECIFIED'),
};

const configPatchShape = {
  applyTo: required(target),
  match: optional(object(matchShape, { later: ['waypoint'] })),
  patch: required(object(patchShape)),
};

function patchOf(
  { applyTo, match, patch }: Decoded<typeof configPatchShape>,
  walk: Walk,
): ConfigPatch | undefined {
  const { routeConfiguration: route, ...rest } = match ?? { context: 'ANY' as const };
  return checkPatch(
    { applyTo, match: { ...rest, ...(route === undefined ? {} : { route }) }, ...patch },
    walk,
  );
}

const targetRef = gatewayTarget({
  groups: ['', 'gateway.networking.k8s.io'],
  selector: 'workloadSelector',
});

const specShape = {
  workloadSelector: optional(
    andThen(object({ labels: withDefault<TextMap>(labels, emptyMap) }), (value) => value.labels),
  ),
  targetRefs: withDefault(list(targetRef, { most: 16 }), []),
  priority: withDefault(integer(-0x8000_0000, 0x7fff_ffff), 0),
  configPatches: required(list(andThen(object(configPatchShape), patchOf), { least: 1, most: 1_000 })),
};

function specOf(value: Decoded<typeof specShape>, walk: Walk): EnvoyFilterSpec | undefined {
  const { workloadSelector, targetRefs, priority, configPatches } = value;
  if (workloadSelector !== undefined && targetRefs.length > 0) {
    const message = 'workloadSelector and targetRefs exclude each other';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'targetRefs');
  }
  const strange = targetRefs.findIndex(
    ({ namespace }) => namespace !== undefined && namespace !== walk.metadata.namespace,
  );
  if (strange >= 0) {
    const message = 'a target must be in the namespace of the EnvoyFilter';
    const remedy = 'move the EnvoyFilter there';
    return refuse(walk, { code: 'cross-namespace', message, remedy }, 'targetRefs', strange, 'namespace');
  }
  return {
    ...(workloadSelector === undefined ? {} : { workloadSelector }),
    targetGateways: targetRefs.map(({ name }) => name),
    priority,
    patches: configPatches,
  };
}

export const envoyFilterKind = defineKind({
  ...istioNetworking,
  kind: 'EnvoyFilter',
  plural: 'envoyfilters',
  shortNames: ['ef'],
  body: andThen(
    manifestOf({ spec: required(andThen(object(specShape), specOf)) }, { ignored: ['status'] }),
    (value) => value.spec,
  ),
});
