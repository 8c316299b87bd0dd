// Policies that ask somebody who is not there: what they match is refused, and the policy says so.
import type { Collection, Graph } from '@xebec/flow';
import { type Host, isAskable } from '@xebec/model';
import { type Diagnostic, deepEqual } from '@xebec/std';
import { findProvider } from './authorization-providers.ts';
import { conflictRows } from './conflict.ts';
import type { HostView } from './hosts.ts';
import type { MeshInputs } from './inputs.ts';

export function deriveAuthorizationConflicts(
  graph: Graph,
  { authorizationPolicies, settings }: MeshInputs,
  hosts: Collection<Host, HostView>,
): Collection<string, Diagnostic> {
  return graph.derive({
    name: 'mesh.authorizationConflicts',
    from: authorizationPolicies,
    reads: { hosts, settings },
    equals: deepEqual,
    fn: ({ metadata, spec }, object, read) => {
      if (spec.action !== 'CUSTOM' || spec.provider === undefined) return [];
      const provider = findProvider(spec.provider, metadata.namespace, read);
      if (isAskable(provider)) return [];
      const message = `${provider.problem}; whatever this policy matches is refused`;
      const { remedy } = provider;
      const problem = {
        code: 'provider-unknown',
        object,
        field: 'spec.provider.name',
        message,
        remedy,
      } as const;
      return conflictRows([problem], object);
    },
  });
}
