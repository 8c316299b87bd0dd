// The names of the mesh's trust domain: its own first, then those that mean the same; and whose identities are let in beside.
import type { ProxySettings } from './inputs.ts';

export const trustDomainsOf = ({
  trustDomain,
  trustDomainAliases = [],
}: Pick<ProxySettings, 'trustDomain' | 'trustDomainAliases'>): readonly string[] => [
  ...new Set([trustDomain, ...trustDomainAliases]),
];

/** Every trust domain whose workloads are let in as who they are: which roots prove which is said with the roots. */
export const peerDomainsOf = (
  settings: Pick<ProxySettings, 'trustDomain' | 'trustDomainAliases' | 'federatedDomains'>,
): readonly string[] => [...new Set([...trustDomainsOf(settings), ...(settings.federatedDomains ?? [])])];
