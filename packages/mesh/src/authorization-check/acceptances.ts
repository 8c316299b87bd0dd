// What workloads accept, whether or not their proxies are connected: for who asks, never read by the graph.
import type { Index } from '@xebec/flow';
import type { Inbound, Workload } from '@xebec/model';
import {
  type AcceptedReads,
  acceptedBy,
  type InboundSources,
  type ServedPort,
  servedPorts,
} from '../inbounds.ts';
import type { AnchorLookup } from '../lookups.ts';
import { calledOf, plansFor } from '../policy-checks.ts';

export interface Acceptance extends Omit<Inbound, 'proxy'> {
  /** By all services, also several of one port. */
  readonly served: readonly ServedPort[];
  /** Where each rule that may speak for it is enforced. */
  readonly plans: ReturnType<typeof plansFor>;
}

export type Acceptances = (workload: Workload) => Acceptance;

type Sources = Pick<
  InboundSources,
  | 'backingsBySelector'
  | 'peerSources'
  | 'authorization'
  | 'authentication'
  | 'sidecarsBySelector'
  | 'hosts'
  | 'policyRules'
>;

export function acceptancesOf(sources: Sources): Acceptances {
  const { backingsBySelector, peerSources, authorization, authentication, sidecarsBySelector } = sources;
  const { hosts, policyRules } = sources;
  const read: AcceptedReads = {
    backingsBySelector: listed(backingsBySelector),
    peersBySelector: listed(peerSources.peersBySelector),
    selectingPeers: listed(peerSources.selectingPeers),
    policiesBySelector: listed(authorization.policiesBySelector),
    authenticationsBySelector: listed(authentication.authenticationsBySelector),
    keySets: authentication.keySets,
    sidecarsBySelector: listed(sidecarsBySelector),
    namespacePeers: peerSources.namespacePeers,
    settings: peerSources.settings,
    hosts,
    policyRules: listed(policyRules.policyRules),
    quotaBindings: listed(policyRules.quotaBindings),
    apiKeyHeaders: listed(policyRules.apiKeyHeaders),
  };
  return (workload) => {
    const served = servedPorts(workload, read.backingsBySelector);
    const called = calledOf(workload, served);
    return { ...acceptedBy(workload, read), served, plans: plansFor(called, read) };
  };
}

const listed = <A extends string, K extends string, V>(index: Index<A, K, V>): AnchorLookup<A, K, V> => ({
  at: (anchor) => [...index.at(anchor)],
  count: (anchor) => index.count(anchor),
});
