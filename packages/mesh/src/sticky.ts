// Staged rollouts that keep their users: shares between destinations are drawn by the hash that a DestinationRule names.
import type { Destination, HashKey, Host, HttpAction, Layer, Layered } from '@xebec/model';
import type { AnchorLookup } from './lookups.ts';

type Forward = Extract<HttpAction, { readonly kind: 'forward' }>;

/** Resolved as the VirtualService's own namespace sees its destinations; the first that hashes decides for all. */
export function keepUsers(
  action: Forward,
  layer: Layer,
  destinationsByHost: AnchorLookup<Host, Layered<Host>, Destination>,
): Forward {
  if (action.destinations.length < 2) return action;
  for (const target of action.destinations) {
    const known = destinationsByHost.at(target.host).map(([, destination]) => destination);
    const seen = known.find((each) => each.layer === layer) ?? known.find((each) => each.layer === '*');
    const hash = seen === undefined ? undefined : hashOf(seen, target);
    if (hash !== undefined) return { ...action, hash };
  }
  return action;
}

function hashOf(
  destination: Destination,
  { subset, port }: Forward['destinations'][number],
): HashKey | undefined {
  const set = destination.subsets.find(({ name }) => name === subset) ?? destination;
  return (set.portPolicies.find((policy) => policy.port === port) ?? set.policy).hash;
}
