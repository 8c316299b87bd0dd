// Shares of routes that go where nobody answers.
import type { Destination, Service, WeightedDestination } from '@xebec/model';
import { hostPort, seenIn } from '@xebec/model';
import type { Conflict } from '../conflict.ts';
import { isSelected } from '../label-selectors.ts';
import type { Scene } from './scene.ts';

export function* checkShares(scene: Scene): Generator<Conflict> {
  const told = new Set<string>();
  for (const [, { layer, rules }] of scene.mesh.routeTables.entries()) {
    for (const { action } of rules) {
      if (action.kind !== 'forward' || action.destinations.length < 2) continue;
      const shares = action.destinations.filter(({ weight }) => weight > 0);
      const lost = shares.filter((share) => isEmpty(scene, layer, share));
      if (lost.length === shares.length) continue;
      for (const { host, subset, weight, cause } of lost) {
        const id = `${cause.object}#${cause.field ?? ''}`;
        if (told.has(id)) continue;
        told.add(id);
        const sum = shares.reduce((total, share) => total + share.weight, 0);
        yield {
          code: 'share-lost',
          object: cause.object,
          ...(cause.field === undefined ? {} : { field: cause.field }),
          message: `${Math.round((100 * weight) / sum)} % of the requests go to ${subset === '' ? host : `subset ${subset} of ${host}`}, which has no endpoint: they get 503`,
          remedy: 'deploy the workload first, or set the weight to 0 until then',
        };
      }
    }
  }
}

type Layer = Destination['layer'];

/** A destination that is there and has no endpoint at all, healthy or not. */
function isEmpty({ mesh }: Scene, layer: Layer, share: WeightedDestination): boolean {
  const destination = seenIn(mesh.destinations, layer, share.host);
  if (destination === undefined || destination.service.resolution !== 'endpoints') return false;
  const subset = destination.subsets.find(({ name }) => name === share.subset);
  if (share.subset !== '' && subset === undefined) return false;
  return portsOf(destination.service, share).every((port) => {
    const set = seenIn(mesh.endpointSets, layer, hostPort(share.host, port));
    return !(set?.endpoints ?? []).some(({ labels }) => isSelected(subset?.labels ?? {}, labels));
  });
}

const portsOf = ({ ports }: Service, { port }: WeightedDestination) =>
  port === 'FROM_REQUEST_PORT' ? ports : ports.filter(({ number }) => number === port);
