// Puts the filter of an extension into the chains of a listener, before the first filter that its phase comes before.

import { create } from '@bufbuild/protobuf';
import type { FilterClass } from '@xebec/config';
import { encodeAny } from '@xebec/protos';
import type { Filter, FilterChain } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import { FilterSchema } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import type { Listener } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  HttpFilterSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { adsSource } from '../config-source.ts';
import { httpProxyRoute } from '../names.ts';
import { managerIn } from '../patches/manager-in.ts';
import type { Place } from '../patches/place.ts';
import { byHost } from './by-host.ts';
import type { Insertion } from './insertion.ts';
import { byHostName } from './names.ts';
import { filterTypes, standInConfig } from './stand-in.ts';

/** True when it went in somewhere. */
export function insertFilter(listener: Listener, insertion: Insertion, place: Place): boolean {
  let isHit = false;
  for (const chain of chainsOf(listener)) {
    const isHere = isAtPort(listener, chain, { insertion, place });
    const inserted =
      insertion.standIn.level === 'http'
        ? insertHttp(chain, insertion, isHere)
        : isHere && insertNetwork(chain, insertion);
    isHit ||= inserted;
  }
  return isHit;
}

const chainsOf = ({ filterChains, defaultFilterChain }: Listener): readonly FilterChain[] =>
  defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];

interface Where {
  readonly insertion: Insertion;
  readonly place: Place;
}

/** A listener is for one port, or its chains are. */
function isAtPort(
  listener: Listener,
  { filterChainMatch }: FilterChain,
  { insertion, place }: Where,
): boolean {
  const { ports, side } = insertion;
  if (ports.length === 0) return true;
  const bound = portOf(listener);
  const own = filterChainMatch?.destinationPort;
  return ports.some(
    (port) =>
      port === bound ||
      (side === 'GATEWAY' && place.gatewayPorts[port] === bound) ||
      (side === 'SIDECAR_INBOUND' && port === own),
  );
}

/** The listener behind CONNECT to a port has none of its own, but its name says which. */
function portOf({ address, name }: Listener): number | undefined {
  if (address?.address.case !== 'socketAddress')
    return Number(/^connect\|(\d+)\|/.exec(name)?.[1] ?? Number.NaN);
  const { portSpecifier } = address.address.value;
  return portSpecifier.case === 'portValue' ? portSpecifier.value : undefined;
}

function insertHttp({ filters }: FilterChain, insertion: Insertion, isHere: boolean): boolean {
  let isHit = false;
  for (const filter of filters) {
    const manager = managerIn(filter);
    if (manager === undefined || isTunnel(manager)) continue;
    const isByHost = !isHere && isForAllPorts(manager);
    if (!isHere && !isByHost) continue;
    const { httpFilters } = manager;
    httpFilters.splice(pointIn(httpFilters, insertion.phase), 0, httpFilterOf(insertion, isByHost));
    filter.configType = { case: 'typedConfig', value: encodeAny(HttpConnectionManagerSchema, manager) };
    isHit = true;
  }
  return isHit;
}

/** Datagrams between sidecars are no requests of anybody. */
const isTunnel = ({ upgradeConfigs }: HttpConnectionManager): boolean =>
  upgradeConfigs.some(({ upgradeType }) => upgradeType === 'CONNECT-UDP');

const isForAllPorts = ({ routeSpecifier }: HttpConnectionManager): boolean =>
  routeSpecifier.case === 'rds' && routeSpecifier.value.routeConfigName === httpProxyRoute;

function insertNetwork(chain: FilterChain, insertion: Insertion): boolean {
  const managers = chain.filters.flatMap((filter) => managerIn(filter) ?? []);
  if (chain.filters.length === 0 || managers.some(isTunnel)) return false;
  chain.filters.splice(pointIn(chain.filters, insertion.phase), 0, networkFilterOf(insertion));
  return true;
}

/** A filter that never comes keeps nobody waiting longer. */
const fetchTimeoutMs = 10_000;

function discovery({ name, standIn, ports }: Insertion, isByHost = false) {
  const usual = standInConfig(standIn);
  return {
    case: 'configDiscovery' as const,
    value: {
      configSource: adsSource(fetchTimeoutMs),
      defaultConfig: isByHost ? byHost(name, usual, ports) : usual,
      typeUrls: [...filterTypes[standIn.level]],
    },
  };
}

const httpFilterOf = (insertion: Insertion, isByHost: boolean) =>
  create(HttpFilterSchema, {
    name: isByHost ? byHostName(insertion.name) : insertion.name,
    configType: discovery(insertion, isByHost),
  });

const networkFilterOf = (insertion: Insertion): Filter =>
  create(FilterSchema, { name: insertion.name, configType: discovery(insertion) });

const authorization = [
  'envoy.filters.http.rbac',
  'envoy.filters.http.ext_authz',
  'envoy.filters.network.rbac',
  'envoy.filters.network.ext_authz',
];
const authentication = ['envoy.filters.http.jwt_authn'];
/** What acts on requests that are let through. */
const last = [
  'envoy.filters.http.cors',
  'envoy.filters.http.fault',
  'envoy.filters.http.dynamic_forward_proxy',
  'envoy.filters.network.sni_dynamic_forward_proxy',
];

const before: Readonly<Record<FilterClass, ReadonlySet<string>>> = {
  AUTHN: new Set([...authentication, ...authorization, ...last]),
  AUTHZ: new Set([...authorization, ...last]),
  STATS: new Set(last),
  UNSPECIFIED: new Set(last),
};

/** Before the first of them; the last one always ends the chain. Extensions come in order, so each goes after those before it. */
function pointIn(filters: readonly { readonly name: string }[], phase: FilterClass): number {
  const found = filters.findIndex(({ name }) => before[phase].has(name));
  return found < 0 ? filters.length - 1 : found;
}
