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
  const entry = createPolicyEntry({
    store,
    rootNamespace,
    clusterDomain: () => settings.get('mesh')?.clusterDomain ?? 'cluster.local',
    onProblem: (diagnostic) => emit({ kind: 'problem', diagnostic }),
  });
  const given = policyAddress === undefined ? [] : [policyAddress];
  if (given.length > 0) entry.place(given);
  const services = createPolicyServices({
    ...{ graph, store, mesh, rootNamespace },
    clock: Date.now,
    onAddresses: (found) => entry.place(given.length > 0 ? given : found),
  });
  return {
    ...services,
    [Symbol.dispose]() {
      services[Symbol.dispose]();
      entry[Symbol.dispose]();
    },
  };
}
