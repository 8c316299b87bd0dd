// What the last proxy of the mesh enforces for services that have none themselves: outside hosts, and workloads without a sidecar. Rule: a call is judged once, so nothing here is for a service with a proxy.

import type { Host, HttpRule, Layer, Layered, OutsideChecks, Service } from '@xebec/model';
import type { Servers } from './endpoints.ts';
import { type HostView, holderIn } from './hosts.ts';
import type { HostPort } from './inputs.ts';
import type { AnchorLookup, Lookup } from './lookups.ts';
import { checksOf, type Judge, type PolicyCheckReads } from './policy-checks.ts';

export interface OutsideReads extends PolicyCheckReads {
  readonly hosts: Lookup<Host, HostView>;
  /** Read only where some rule speaks of a service of the mesh. */
  readonly serversByPort: AnchorLookup<HostPort, Layered<HostPort>, Servers>;
}

/** Who decides: a gateway by its name, or the proxies of all clients. */
export type LastProxy =
  | { readonly gateway: { readonly namespace: string; readonly name: string } }
  | 'client';

interface Standpoint {
  readonly layer: Layer;
  readonly decidedBy: LastProxy;
}

/** By host; nothing for hosts that no rule speaks of. */
export function outsideChecksOf(
  hosts: Iterable<Host>,
  standpoint: Standpoint,
  read: OutsideReads,
): readonly OutsideChecks[] {
  return [...new Set(hosts)].sort().flatMap((host) => {
    const service = holderIn(read.hosts.get(host), standpoint.layer)?.service;
    if (service === undefined) return [];
    const authorization = checksOf(judgeOf(service, standpoint), read);
    if (authorization.length === 0 || hasProxy(service, read)) return [];
    const { name, namespace } = service;
    return [{ host, name, namespace, authorization }];
  });
}

function judgeOf(service: Service, { decidedBy }: Standpoint): Judge {
  const { host, namespace } = service;
  const name = service.name === '' ? host : service.name;
  const isClient = decidedBy === 'client';
  const called = { host, name, namespace, decidedAt: isClient ? 'client' : 'gateway' } as const;
  return {
    called,
    services: [{ host, name, namespace }],
    isGateway: false,
    asks: 'xebec-policy-outside',
    ...(isClient
      ? { metadata: { 'xebec-direction': 'outbound' }, onlyAsks: true }
      : {
          namespace: decidedBy.gateway.namespace,
          metadata: {
            'xebec-workload': `${decidedBy.gateway.namespace}/${decidedBy.gateway.name}`,
            'xebec-direction': 'through',
          },
        }),
  };
}

/** Some workload of it has a proxy, and judges its own calls. */
const hasProxy = ({ host, ports, location }: Service, { serversByPort }: OutsideReads): boolean =>
  location === 'mesh' && ports.some(({ number }) => serversByPort.count(`${host}|${number}`) > 0);

/** To which hosts rules lead. */
export const hostsOfRules = (rules: readonly HttpRule[]): readonly Host[] =>
  rules.flatMap(({ action }) =>
    action.kind === 'forward' ? action.destinations.map(({ host }) => host) : [],
  );
