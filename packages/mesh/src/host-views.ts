// The views of all hosts as a collection: who holds each, what its aliases stand for, and which addresses it has.
import type { Collection, Graph } from '@xebec/flow';
import type { Host } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { resolveView } from './aliases.ts';
import { addressed, indexAllocations } from './allocations.ts';
import type { Claim, ClaimKey } from './claims.ts';
import type { HostView } from './hosts.ts';

/** One view for every host that anything in the mesh names. */
export function deriveHosts(graph: Graph, claims: Collection<ClaimKey, Claim>): Collection<Host, HostView> {
  const claimsByHost = graph.index(claims, 'byHost', ({ host }) => [host]);
  const claimsByAddress = indexAllocations(graph, claims);
  return graph.derive({
    name: 'mesh.hosts',
    from: graph.group(claimsByHost),
    reads: { claimsByHost, claimsByAddress },
    equals: deepEqual,
    fn: (_keys, host, read) => [
      [host, addressed(resolveView(host, read.claimsByHost), read.claimsByAddress)],
    ],
  });
}
