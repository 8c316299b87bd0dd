// Patches of listeners and of what they consist of: listener filters, filter chains, network and HTTP filters, inline routes.
import type { FilterChainMatchSpec, PatchTarget } from '@xebec/config';
import { encodeAny } from '@xebec/protos';
import { TrafficDirection } from '@xebec/protos/envoy/config/core/v3/base_pb';
import type { FilterChain } from '@xebec/protos/envoy/config/listener/v3/listener_components_pb';
import type { Listener } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { insertFilter } from '../extensions/insert-filter.ts';
import { managerIn } from './manager-in.ts';
import { mergeMessages } from './merge-messages.ts';
import { changeList, type ListChange } from './named-list.ts';
import { patchRouteConfiguration } from './patch-routes.ts';
import { fits, isInContext, type Place, type Side } from './place.ts';
import type { ReadyPatch } from './program.ts';

/** Changes the listener; `removed` when there is to be none. */
export function patchListener(
  listener: Listener,
  patches: readonly ReadyPatch[],
  place: Place,
): 'removed' | 'kept' {
  const side = sideOf(listener, place);
  for (const ready of patches) {
    if (ready.insertion !== undefined) {
      if (ready.insertion.side === side && insertFilter(listener, ready.insertion, place)) place.hit(ready);
      continue;
    }
    if (!isListener(ready, listener, { side, place })) continue;
    if (applyPatch(listener, ready, { side, place }) === 'removed') return 'removed';
  }
  return 'kept';
}

interface Around {
  readonly side: Side;
  readonly place: Place;
}

function sideOf({ trafficDirection }: Listener, { role }: Place): Side {
  if (role === 'router') return 'GATEWAY';
  return trafficDirection === TrafficDirection.INBOUND ? 'SIDECAR_INBOUND' : 'SIDECAR_OUTBOUND';
}

const inlineRoutes: readonly PatchTarget[] = ['ROUTE_CONFIGURATION', 'VIRTUAL_HOST', 'HTTP_ROUTE'];

function applyPatch(listener: Listener, ready: ReadyPatch, around: Around): 'removed' | 'kept' {
  const { applyTo } = ready.patch;
  if (applyTo === 'LISTENER') return patchWhole(listener, ready, around.place);
  if (applyTo === 'LISTENER_FILTER') patchListenerFilters(listener, ready, around.place);
  else if (applyTo === 'FILTER_CHAIN') patchChains(listener, ready, around);
  else if (applyTo === 'NETWORK_FILTER') patchNetworkFilters(listener, ready, around);
  else if (applyTo === 'HTTP_FILTER') patchHttpFilters(listener, ready, around);
  else if (inlineRoutes.includes(applyTo)) patchInlineRoutes(listener, ready, around);
  return 'kept';
}

const portOf = ({ address }: Listener): number | undefined => {
  if (address?.address.case !== 'socketAddress') return undefined;
  const { portSpecifier } = address.address.value;
  return portSpecifier.case === 'portValue' ? portSpecifier.value : undefined;
};

function isListener(ready: ReadyPatch, listener: Listener, { side, place }: Around): boolean {
  const { applyTo, operation, match } = ready.patch;
  if (applyTo === 'CLUSTER' || (applyTo === 'LISTENER' && operation === 'ADD')) return false;
  if (!isInContext(ready, side)) return false;
  const wanted = match.listener ?? {};
  const port = portOf(listener);
  const isFound =
    fits(wanted.name, (name) => name === listener.name) &&
    fits(wanted.portNumber, (number) => {
      if (number === port || place.gatewayPorts[number] === port) return true;
      return side === 'SIDECAR_INBOUND' && chainsOf(listener).some((chain) => isForPort(chain, number));
    });
  if (!isFound) place.miss?.(ready, { depth: 1, what: 'listener', seen: `${listener.name} (port ${port})` });
  return isFound;
}

const isForPort = ({ filterChainMatch }: FilterChain, port: number): boolean =>
  filterChainMatch?.destinationPort === port;

const chainsOf = ({ filterChains, defaultFilterChain }: Listener): readonly FilterChain[] =>
  defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];

function patchWhole(listener: Listener, ready: ReadyPatch, place: Place): 'removed' | 'kept' {
  place.hit(ready);
  if (ready.patch.operation === 'REMOVE') return 'removed';
  const { name } = listener;
  mergeMessages(listener, ready.value(), place.registry);
  listener.name = name;
  return 'kept';
}

function changeOf(
  ready: ReadyPatch,
  place: Place,
  { name, isLastFinal }: Pick<ListChange, 'name' | 'isLastFinal'>,
): ListChange {
  const { operation, filterClass } = ready.patch;
  return { operation, filterClass, value: ready.value, registry: place.registry, name, isLastFinal };
}

function patchListenerFilters(listener: Listener, ready: ReadyPatch, place: Place): void {
  const name = ready.patch.match.listener?.listenerFilter;
  if (changeList(listener.listenerFilters, changeOf(ready, place, { name, isLastFinal: false }))) {
    place.hit(ready);
    return;
  }
  for (const filter of listener.listenerFilters) {
    place.miss?.(ready, { depth: 3, what: 'listener filter', seen: filter.name });
  }
}

/** The chains that a patch is for. */
function chosenChains(
  listener: Listener,
  ready: ReadyPatch,
  { side, place }: Around,
): readonly FilterChain[] {
  const { filterChain: wanted, portNumber } = ready.patch.match.listener ?? {};
  // One listener may serve all ports of a workload: then a port means its chains.
  const mustNamePort =
    portNumber !== undefined && side === 'SIDECAR_INBOUND' && portOf(listener) !== portNumber;
  return chainsOf(listener).filter((chain) => {
    const isFound = (!mustNamePort || isForPort(chain, portNumber)) && isChain(wanted, chain);
    if (!isFound) place.miss?.(ready, { depth: 2, what: 'filter chain', seen: describeChain(chain) });
    return isFound;
  });
}

function isChain(wanted: FilterChainMatchSpec | undefined, { name, filterChainMatch: match }: FilterChain) {
  if (wanted === undefined) return true;
  return (
    fits(wanted.name, (each) => each === name) &&
    fits(wanted.sni, (sni) => match?.serverNames.includes(sni) ?? false) &&
    fits(wanted.transportProtocol, (protocol) => match?.transportProtocol === protocol) &&
    fits(wanted.destinationPort, (port) => match?.destinationPort === port) &&
    wanted.applicationProtocols.every((each) => match?.applicationProtocols.includes(each))
  );
}

function describeChain({ name, filterChainMatch: match }: FilterChain): string {
  const conditions = [
    ...(match?.serverNames ?? []),
    match?.transportProtocol ?? '',
    ...(match?.applicationProtocols ?? []),
    match?.destinationPort === undefined ? '' : `port ${match.destinationPort}`,
  ].filter((each) => each !== '');
  return (
    [name, conditions.length === 0 ? '' : `(${conditions.join(', ')})`].join(' ').trim() ||
    '(one that takes all)'
  );
}

function patchChains(listener: Listener, ready: ReadyPatch, around: Around): void {
  const { place } = around;
  if (ready.patch.operation === 'ADD') {
    place.hit(ready);
    listener.filterChains.push(ready.value() as FilterChain);
    return;
  }
  for (const chain of chosenChains(listener, ready, around)) {
    place.hit(ready);
    if (ready.patch.operation === 'MERGE') mergeMessages(chain, ready.value(), place.registry);
    else if (chain === listener.defaultFilterChain) delete listener.defaultFilterChain;
    else listener.filterChains.splice(listener.filterChains.indexOf(chain), 1);
  }
}

function patchNetworkFilters(listener: Listener, ready: ReadyPatch, around: Around): void {
  const { place } = around;
  const name = ready.patch.match.listener?.filterChain?.filter;
  for (const chain of chosenChains(listener, ready, around)) {
    if (changeList(chain.filters, changeOf(ready, place, { name, isLastFinal: true }))) {
      place.hit(ready);
      continue;
    }
    for (const filter of chain.filters) {
      place.miss?.(ready, { depth: 3, what: 'network filter', seen: filter.name });
    }
  }
}

function patchHttpFilters(listener: Listener, ready: ReadyPatch, around: Around): void {
  const { place } = around;
  const name = ready.patch.match.listener?.filterChain?.subFilter;
  changeManagers(listener, ready, around, (manager) => {
    if (changeList(manager.httpFilters, changeOf(ready, place, { name, isLastFinal: true }))) {
      place.hit(ready);
      return true;
    }
    for (const filter of manager.httpFilters) {
      place.miss?.(ready, { depth: 4, what: 'HTTP filter', seen: filter.name });
    }
    return false;
  });
}

/** Gives every HTTP connection manager of the chosen chains to `change`, and packs it again when that was told to be one. */
function changeManagers(
  listener: Listener,
  ready: ReadyPatch,
  around: Around,
  change: (manager: HttpConnectionManager) => boolean,
): void {
  const wanted = ready.patch.match.listener?.filterChain?.filter;
  for (const chain of chosenChains(listener, ready, around)) {
    for (const filter of chain.filters) {
      const manager = managerIn(filter);
      if (manager === undefined || !fits(wanted, (name) => name === filter.name)) {
        around.place.miss?.(ready, { depth: 3, what: 'network filter', seen: filter.name });
      } else if (change(manager)) {
        filter.configType = { case: 'typedConfig', value: encodeAny(HttpConnectionManagerSchema, manager) };
      }
    }
  }
}

function patchInlineRoutes(listener: Listener, ready: ReadyPatch, around: Around): void {
  const { side, place } = around;
  changeManagers(listener, ready, around, (manager) => {
    if (manager.routeSpecifier.case !== 'routeConfig') return false;
    const config = manager.routeSpecifier.value;
    let isHit = false;
    const noting: Place = {
      ...place,
      hit: (patch) => {
        isHit = true;
        place.hit(patch);
      },
    };
    patchRouteConfiguration(config, [ready], { place: noting, names: { side, name: config.name } });
    return isHit;
  });
}
