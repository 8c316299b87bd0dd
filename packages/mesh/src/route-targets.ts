// Destinations of rules that are not there: what is sent to them fails, the rest of the rules goes on.
import type { ConnectionDestination, Destination, Host, Layered } from '@xebec/model';
import { layered } from '@xebec/model';
import type { Conflict } from './conflict.ts';
import { type HostView, holderIn } from './hosts.ts';
import type { Lookup } from './lookups.ts';

export interface TargetReads {
  readonly hosts: Lookup<Host, HostView>;
  readonly destinations: Lookup<Layered<Host>, Destination>;
}

/** What is wrong with a destination, as the namespace of its rule sees it. */
export function checkTarget(
  { namespace }: { readonly namespace: string },
  target: Omit<ConnectionDestination, 'weight'>,
  read: TargetReads,
): readonly Conflict[] {
  const { host, subset, port, cause } = target;
  const service = holderIn(read.hosts.get(host), `ns:${namespace}`)?.service;
  const found = (code: Conflict['code'], message: string, remedy: string): readonly Conflict[] => [
    {
      code,
      object: cause.object,
      ...(cause.field === undefined ? {} : { field: cause.field }),
      message,
      remedy,
    },
  ];
  if (service === undefined) {
    return found(
      'destination-unknown',
      `no service ${host} is known; requests get 503`,
      'correct the host, or define it by a Service or ServiceEntry',
    );
  }
  const numbers = service.ports.map(({ number }) => number);
  if (port === 'FROM_REQUEST_PORT') {
    return found(
      'destination-port-open',
      `${host} has ports ${numbers.join(', ')} and none is named; the port of the request is taken`,
      'write destination.port.number',
    );
  }
  if (!numbers.includes(port)) {
    return found(
      'destination-port-unknown',
      `${host} has no port ${port}; requests get 503`,
      `write one of ${numbers.join(', ')}`,
    );
  }
  const destination =
    read.destinations.get(layered(`ns:${namespace}`, host)) ?? read.destinations.get(layered('*', host));
  const hasSubset = destination?.subsets.some(({ name }) => name === subset) ?? false;
  if (subset === '' || hasSubset) return [];
  return found(
    'destination-subset-unknown',
    `${host} has no subset ${subset}; requests get 503`,
    'define the subset in a DestinationRule',
  );
}
