// Where faults happen: at the destination if every endpoint proves who calls it, so that nobody else can ask for one.
import type { ClientTls, Destination, Host, Layered } from '@xebec/model';
import type { FinalDraft } from './delegates.ts';
import type { Servers } from './endpoints.ts';
import type { HostPort } from './inputs.ts';
import type { AnchorLookup } from './lookups.ts';

/** On a VirtualService: `client` puts its faults where Istio does. */
export const faultPlaceAnnotation = 'xebec.io/fault-placement';

/** What every namespace sees of a host. Read only for rules with a fault. */
export interface FaultReads {
  readonly destinationsByHost: AnchorLookup<Host, Layered<Host>, Destination>;
  readonly serversByPort: AnchorLookup<HostPort, Layered<HostPort>, Servers>;
}

type Target = Extract<FinalDraft['action'], { readonly kind: 'forward' }>['destinations'][number];

/** `destination` only where no client, of whatever namespace, reaches an endpoint without mutual TLS. */
export function faultPlaceOf({ fault, action }: FinalDraft, read: FaultReads): 'client' | 'destination' {
  if (fault === undefined || action.kind !== 'forward') return 'client';
  return action.destinations.every((target) => isProven(target, read)) ? 'destination' : 'client';
}

function isProven({ host, port, subset }: Target, read: FaultReads): boolean {
  const known = read.destinationsByHost.at(host);
  return (
    known.length > 0 &&
    known.every(([, destination]) => {
      const { ports } = destination.service;
      const numbers = port === 'FROM_REQUEST_PORT' ? ports.map(({ number }) => number) : [port];
      return numbers.every(
        (number) => areMutual(host, number, read) && isMutual(tlsOf(destination, subset, number)),
      );
    })
  );
}

function areMutual(host: Host, port: number, { serversByPort }: FaultReads): boolean {
  const servers = serversByPort.at(`${host}|${port}`);
  return servers.length > 0 && servers.every(([, found]) => found.isMutual);
}

const isMutual = ({ mode }: ClientTls): boolean => mode === 'auto' || mode === 'ISTIO_MUTUAL';

function tlsOf(destination: Destination, subset: string, port: number): ClientTls {
  const set = destination.subsets.find(({ name }) => name === subset) ?? destination;
  return (set.portPolicies.find((policy) => policy.port === port) ?? set.policy).tls;
}
