// Trust domains of others beside the own one: which anchors tell them apart, and which lists of what was revoked go with them. Roots that cannot be limited to their names are not let in.
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { constrainAnchor } from './constrained-anchor.ts';
import type { ForeignLists } from './spiffe-bundle.ts';

/** Whom a trust domain of others is proven by, and nobody else. */
export interface FederatedDomain {
  readonly trustDomain: string;
  /** One certificate a text. */
  readonly rootsPem: readonly string[];
  /** Absent: nobody says what its issuers have taken back. */
  readonly lists?: ForeignLists;
}

export interface Federation {
  readonly domains: readonly FederatedDomain[];
  /** Other names of the own trust domain. */
  readonly aliases: readonly string[];
}

export const noFederation: Federation = { domains: [], aliases: [] };

const anchorsOfOthers = (domains: readonly FederatedDomain[]): readonly Result<string>[] =>
  domains.flatMap(({ trustDomain, rootsPem }) =>
    rootsPem.map((root) => constrainAnchor(root, { trustDomains: [trustDomain], mayHaveDnsNames: false })),
  );

/** Whether every root can be limited to its trust domain. */
export function checkFederation({ domains }: Federation): Result<void> {
  const refused = anchorsOfOthers(domains).find((each) => !each.ok);
  return refused?.ok === false ? refused : succeed(undefined);
}

/** Lists of the own issuers. */
export interface OwnLists {
  /** Empty: nothing was revoked. */
  readonly pem: string;
  readonly key: string;
  /** Also when nothing was revoked; empty where the keys of the issuers are elsewhere. */
  readonly standingPem: string;
  readonly standingKey: string;
  /** Names of the issuers: DER in hexadecimal. */
  readonly issuerNames: readonly string[];
}

/** The own authority, as far as others matter. */
export interface OwnTrust {
  readonly trustDomain: string;
  readonly rootsPem: readonly string[];
  readonly lists: OwnLists;
}

/** A trust domain of others that is not let in at present. */
export interface ShutOut {
  readonly trustDomain: string;
  readonly why: 'no-lists' | 'no-own-lists' | 'same-issuer' | 'root';
}

export interface FederatedTrust {
  /** Empty: peers are verified by the own roots as they are. */
  readonly anchorsPem: readonly string[];
  /** Empty: nothing is checked. */
  readonly revocationsPem: string;
  readonly revocationsKey: string;
  /** Names of trust domains. */
  readonly letIn: readonly string[];
  readonly shutOut: readonly ShutOut[];
}

/** Nobody else was ever written. */
export const noTrust: FederatedTrust = {
  anchorsPem: [],
  revocationsPem: '',
  revocationsKey: '',
  letIn: [],
  shutOut: [],
};

/**
 * Proxies that read lists of what was revoked want one of every issuer, the own ones and those of others, or refuse
 * whoever has a certificate of it. So they get none while nothing is revoked anywhere; then all, and who publishes
 * none is not let in: what was taken back stays so.
 */
export function federatedTrust(own: OwnTrust, { domains, aliases }: Federation): FederatedTrust {
  const { lists } = own;
  const isChecked = lists.pem !== '' || domains.some((each) => each.lists?.hasRevoked === true);
  const verdicts = domains.map((domain) => ({
    domain,
    why: isChecked ? whyOut(domain, own, domains) : undefined,
  }));
  const admitted = verdicts.flatMap(({ domain, why }) => (why === undefined ? [domain] : []));
  const shutOut = verdicts.flatMap(({ domain: { trustDomain }, why }) =>
    why === undefined ? [] : [{ trustDomain, why }],
  );
  const anchorsPem = anchorsOf({ ...own, aliases }, admitted);
  if (anchorsPem === undefined) {
    const all = domains.map(({ trustDomain }): ShutOut => ({ trustDomain, why: 'root' }));
    return { ...alone(lists), shutOut: all };
  }
  if (anchorsPem.length === 0) return { ...alone(lists), shutOut };
  const letIn = admitted.map(({ trustDomain }) => trustDomain);
  const foreign = admitted.flatMap((each) => each.lists ?? []);
  const isNeeded = lists.pem !== '' || foreign.some(({ hasRevoked }) => hasRevoked);
  if (!isNeeded) return { anchorsPem, revocationsPem: '', revocationsKey: '', letIn, shutOut };
  const [ownPem, ownKey] = lists.pem === '' ? [lists.standingPem, lists.standingKey] : [lists.pem, lists.key];
  return {
    anchorsPem,
    revocationsPem: [ownPem, ...foreign.map(({ pem }) => pem)].join(''),
    revocationsKey: JSON.stringify([ownKey, ...foreign.map(({ key }) => key)]),
    letIn,
    shutOut,
  };
}

const alone = ({ pem, key }: OwnLists): Omit<FederatedTrust, 'shutOut'> => ({
  anchorsPem: [],
  revocationsPem: pem,
  revocationsKey: key,
  letIn: [],
});

function whyOut(
  { trustDomain, lists }: FederatedDomain,
  own: OwnTrust,
  all: readonly FederatedDomain[],
): ShutOut['why'] | undefined {
  // Without lists of the own issuers nothing can be checked, and only who has revoked something must be.
  if (own.lists.pem === '' && own.lists.standingPem === '')
    return lists?.hasRevoked === true ? 'no-own-lists' : undefined;
  if (lists === undefined) return 'no-lists';
  // A proxy looks lists up by that name: a list of somebody else under it would have the wrong ones refused.
  const others = all.filter((each) => each.trustDomain !== trustDomain);
  const taken = new Set([
    ...own.lists.issuerNames,
    ...others.flatMap((each) => each.lists?.issuerNames ?? []),
  ]);
  return lists.issuerNames.some((name) => taken.has(name)) ? 'same-issuer' : undefined;
}

/** Undefined: not all of them can be told apart. Empty: there are no others. */
function anchorsOf(
  { trustDomain, rootsPem, aliases }: OwnTrust & Pick<Federation, 'aliases'>,
  domains: readonly FederatedDomain[],
): readonly string[] | undefined {
  if (domains.length === 0) return [];
  const trustDomains = [...new Set([trustDomain, ...aliases])];
  const constrained = [
    ...rootsPem.map((root) => constrainAnchor(root, { trustDomains, mayHaveDnsNames: true })),
    ...anchorsOfOthers(domains),
  ];
  const anchors = constrained.flatMap((each) => (each.ok ? [each.value] : []));
  return anchors.length === constrained.length ? anchors : undefined;
}
