// The match conditions of a patch: which proxies, and which listeners, routes or clusters of theirs.
import { andThen, type Decoder, mapOf, oneOf, quote, text } from '../../decode/decoder.ts';
import { type Decoded, object, optional, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { nonEmptyPrintable } from '../../values/http.ts';
import { port } from '../../values/numbers.ts';
import { emptyMap } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';
import type { FilterChainMatchSpec, ListenerMatch, PatchContext, RouteMatchSpec } from './spec.ts';
import { compilePattern } from './version-pattern.ts';

const name = nonEmptyPrintable;

export const context: Decoder<PatchContext> = andThen(
  oneOf('ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY', 'WAYPOINT'),
  (word, walk) => {
    if (word !== 'WAYPOINT') return word;
    const message = 'there are no waypoint proxies in this mesh: each workload has its own';
    const remedy = 'write SIDECAR_INBOUND, which is where a waypoint would act';
    return refuse(walk, { code: 'not-yet-supported', message, remedy });
  },
);

const versionPattern: Decoder<string> = andThen(text, (pattern, walk) =>
  compilePattern(pattern) !== undefined
    ? pattern
    : refuse(walk, {
        code: 'invalid-regex',
        message: `${quote(pattern)} is not an expression for versions`,
        remedy: 'use letters, digits, ".", "*", "+", "?", "|", "[…]", "(…)", "^" and "$"; escape others',
      }),
);

export const proxy = andThen(
  object({
    proxyVersion: optional(versionPattern),
    metadata: withDefault<TextMap>(mapOf(text, undefined, 100), emptyMap),
  }),
  ({ proxyVersion, metadata }) => ({
    ...(proxyVersion === undefined ? {} : { version: proxyVersion }),
    metadata,
  }),
);

const chainShape = {
  name: optional(name),
  sni: optional(name),
  transportProtocol: optional(name),
  applicationProtocols: optional(name),
  destinationPort: optional(port),
  filter: optional(object({ name: optional(name), subFilter: optional(object({ name: optional(name) })) })),
};

function chainOf(value: Decoded<typeof chainShape>, walk: Walk): FilterChainMatchSpec | undefined {
  const { applicationProtocols, filter, ...rest } = value;
  const subFilter = filter?.subFilter?.name;
  if (subFilter !== undefined && filter?.name === undefined) {
    const message = 'subFilter is an HTTP filter inside a network filter, whose name is missing';
    const remedy = 'add name: envoy.filters.network.http_connection_manager';
    return refuse(walk, { code: 'missing-field', message, remedy }, 'filter');
  }
  return {
    ...rest,
    applicationProtocols: (applicationProtocols ?? '').split(',').flatMap((each) => each.trim() || []),
    ...(filter?.name === undefined ? {} : { filter: filter.name }),
    ...(subFilter === undefined ? {} : { subFilter }),
  };
}

export const listener: Decoder<ListenerMatch> = object(
  {
    name: optional(name),
    portNumber: optional(port),
    listenerFilter: optional(name),
    filterChain: optional(andThen(object(chainShape), chainOf)),
  },
  { later: ['portName'] },
);

const gatewayName: Decoder<string> = andThen(text, (written, walk) =>
  /^[^/\s]+\/[^/\s]+$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-name',
        message: `${quote(written)} does not name a Gateway with its namespace`,
        remedy: 'write NAMESPACE/NAME',
      }),
);

const route = object({
  name: optional(name),
  action: withDefault(oneOf('ANY', 'ROUTE', 'REDIRECT', 'DIRECT_RESPONSE'), 'ANY'),
});

const routeShape = {
  name: optional(name),
  portNumber: optional(port),
  portName: optional(name),
  gateway: optional(gatewayName),
  vhost: optional(object({ name: optional(name), domainName: optional(name), route: optional(route) })),
};

export const routeConfiguration: Decoder<RouteMatchSpec> = andThen(
  object(routeShape),
  ({ vhost, ...rest }) => ({
    ...rest,
    ...(vhost?.name === undefined ? {} : { virtualHost: vhost.name }),
    ...(vhost?.domainName === undefined ? {} : { domain: vhost.domainName }),
    ...(vhost?.route === undefined ? {} : { route: vhost.route }),
  }),
);

export const cluster = object({
  name: optional(name),
  portNumber: optional(port),
  service: optional(name),
  subset: optional(name),
});
