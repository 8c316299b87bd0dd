// Backings: which objects choose their endpoints by labels. Clients' endpoints and servers' ports are two readings of them.
import type { Collection, Graph, Index } from '@xebec/flow';
import type { Host, ObjectKey, ServicePort, Workload } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { serviceHost } from './host-names.ts';
import type { MeshInputs } from './inputs.ts';
import { anchorOfSelector, type Labels, type SelectorAnchor } from './label-selectors.ts';
import { settingsOf } from './settings.ts';

export interface BackedPort {
  readonly port: ServicePort;
  /** A number, or the name of a workload's port. */
  readonly target: number | string;
}

/** A Service or ServiceEntry with a selector. */
export interface Backing {
  readonly hosts: readonly Host[];
  /** The name of the service at its platform; a ServiceEntry's services are named by their hosts. */
  readonly name?: string;
  readonly namespace: string;
  readonly selector: Labels;
  readonly ports: readonly BackedPort[];
  readonly isUnreadyPublished: boolean;
  /** Each endpoint has a name of its own. */
  readonly isHeadless: boolean;
  /** Proxies resolve its endpoints' addresses, so names will do. */
  readonly resolvesNames: boolean;
}

export type BackingsBySelector = Index<SelectorAnchor, ObjectKey, Backing>;

export function deriveBackings(graph: Graph, inputs: MeshInputs): Collection<ObjectKey, Backing> {
  const { settings } = inputs;
  const ofServices = graph.derive({
    name: 'mesh.serviceBackings',
    from: inputs.services,
    reads: { settings },
    equals: deepEqual,
    fn: ({ metadata, spec }, owner, read) => {
      if (Object.keys(spec.selector).length === 0) return [];
      const { clusterDomain } = settingsOf(read.settings);
      const backing: Backing = {
        hosts: [serviceHost(metadata.name, { namespace: metadata.namespace, clusterDomain })],
        name: metadata.name,
        namespace: metadata.namespace,
        selector: spec.selector,
        ports: spec.ports.map(({ port, name, protocol, targetPort }) => ({
          port: { number: port, name, protocol },
          target: targetPort,
        })),
        isUnreadyPublished: spec.publishNotReadyAddresses,
        isHeadless: spec.isHeadless,
        resolvesNames: false,
      };
      return [[owner, backing]];
    },
  });
  const ofEntries = graph.derive({
    name: 'mesh.entryBackings',
    from: inputs.serviceEntries,
    equals: deepEqual,
    fn: ({ metadata, spec }, owner) => {
      if (spec.workloadSelector === undefined) return [];
      const backing: Backing = {
        hosts: spec.hosts,
        namespace: metadata.namespace,
        selector: spec.workloadSelector,
        ports: spec.ports.map(({ number, name, protocol, targetPort }) => ({
          port: { number, name, protocol },
          target: targetPort,
        })),
        isUnreadyPublished: false,
        isHeadless: false,
        resolvesNames: spec.resolution === 'DNS' || spec.resolution === 'DNS_ROUND_ROBIN',
      };
      return [[owner, backing]];
    },
  });
  return graph.union('mesh.backings', ofServices, ofEntries);
}

export const indexBySelector = (graph: Graph, backings: Collection<ObjectKey, Backing>): BackingsBySelector =>
  graph.index(backings, 'bySelector', ({ namespace, selector }) => [anchorOfSelector(namespace, selector)]);

/** The port a workload answers on; nothing when it has no port of that name. */
export function targetPortOf({ port, target }: BackedPort, workload: Workload): number | undefined {
  const isEntry = workload.object.startsWith('WorkloadEntry/');
  const named = (name: string) => workload.ports.find((candidate) => candidate.name === name)?.number;
  if (typeof target === 'string') return named(target) ?? (isEntry ? named(port.name) : undefined);
  return (isEntry ? named(port.name) : undefined) ?? target;
}
