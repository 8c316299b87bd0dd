// Puts the policy services into a running control plane: they are told its configuration, and proxies are told of them.
import type { ControlPlaneEvent, ControlPlaneOptions } from '../options.ts';
import type { Pipeline } from '../pipeline.ts';
import { createPolicyEntry } from './policy-entry.ts';
import { createPolicyServices, type PolicyServices } from './policy-services.ts';

export function startPolicyServices(
  { policyAddress }: Pick<ControlPlaneOptions, 'policyAddress'>,
  { graph, store, mesh, settings }: Pipeline,
  emit: (event: ControlPlaneEvent) => void,
): PolicyServices {
  const rootNamespace = (): string => settings.get('mesh')?.rootNamespace ?? 'istio-system';
  const onAddresses = createPolicyEntry({
    store,
    rootNamespace,
    clusterDomain: () => settings.get('mesh')?.clusterDomain ?? 'cluster.local',
    onProblem: (diagnostic) => emit({ kind: 'problem', diagnostic }),
  });
  const given = policyAddress === undefined ? [] : [policyAddress];
  if (given.length > 0) onAddresses(given);
  return createPolicyServices({
    ...{ graph, store, mesh, rootNamespace },
    clock: Date.now,
    onAddresses: (found) => onAddresses(given.length > 0 ? given : found),
  });
}
