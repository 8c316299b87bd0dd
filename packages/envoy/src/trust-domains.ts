// The names of the mesh's trust domain: its own first, then those that mean the same.
import type { ProxySettings } from './inputs.ts';

export const trustDomainsOf = ({
  trustDomain,
  trustDomainAliases = [],
}: Pick<ProxySettings, 'trustDomain' | 'trustDomainAliases'>): readonly string[] => [
  ...new Set([trustDomain, ...trustDomainAliases]),
];
