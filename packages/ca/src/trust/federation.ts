// Trust domains of others beside the own one: which anchors tell them apart. All of them can be limited to their names, or none is let in.
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { constrainAnchor } from './constrained-anchor.ts';

/** Whom a trust domain of others is proven by, and nobody else. */
export interface FederatedDomain {
  readonly trustDomain: string;
  /** One certificate a text. */
  readonly rootsPem: readonly string[];
}

export interface Federation {
  readonly domains: readonly FederatedDomain[];
  /** Other names of the own trust domain. */
  readonly aliases: readonly string[];
}

export const noFederation: Federation = { domains: [], aliases: [] };

const anchorsOfOthers = ({ domains }: Federation): readonly Result<string>[] =>
  domains.flatMap(({ trustDomain, rootsPem }) =>
    rootsPem.map((root) => constrainAnchor(root, { trustDomains: [trustDomain], mayHaveDnsNames: false })),
  );

/** Whether every root can be limited to its trust domain. */
export function checkFederation(federation: Federation): Result<void> {
  const refused = anchorsOfOthers(federation).find((each) => !each.ok);
  return refused?.ok === false ? refused : succeed(undefined);
}

/** The own authority, as far as anchors go. */
export interface OwnTrust {
  readonly trustDomain: string;
  readonly rootsPem: readonly string[];
  /** Lists for proxies; empty: nothing was revoked. */
  readonly revocationsPem: string;
}

/**
 * Empty: peers are verified by the own roots as they are. So it is where lists of what was revoked are read, too: each
 * issuer must have one then, and those of others have none here; what was taken back stays so.
 */
export function anchorsOf(own: OwnTrust, federation: Federation): readonly string[] {
  if (federation.domains.length === 0 || own.revocationsPem !== '') return [];
  const trustDomains = [...new Set([own.trustDomain, ...federation.aliases])];
  const constrained = [
    ...own.rootsPem.map((root) => constrainAnchor(root, { trustDomains, mayHaveDnsNames: true })),
    ...anchorsOfOthers(federation),
  ];
  const anchors = constrained.flatMap((each) => (each.ok ? [each.value] : []));
  return anchors.length === constrained.length ? anchors : [];
}

/** Those that are let in under these anchors. */
export const domainsLetIn = (anchors: readonly string[], { domains }: Federation): readonly string[] =>
  anchors.length === 0 ? [] : domains.map(({ trustDomain }) => trustDomain);
