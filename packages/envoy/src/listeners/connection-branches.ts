// The branches of a host's connections at one place: what a connection must look like, and where it then goes.
import { isInBlocks } from '@xebec/config';
import type { Cause, ConnectionTable, Host, ServicePort, TcpMatch, TcpRule, TlsMatch } from '@xebec/model';
import { outboundCluster } from '../names.ts';
import type { ChainCondition } from './chain-matcher.ts';
import { type ConnectionTarget, targetOf } from './connection-target.ts';
import type { UpstreamTraits } from './upstream-traits.ts';

/** Where a listener takes connections of a host: at one address, at blocks of them, or wherever they were going. */
export type Place =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'blocks'; readonly blocks: readonly string[] }
  | { readonly kind: 'anywhere' }
  /** The client named the host, not an address. */
  | { readonly kind: 'named'; readonly addresses: readonly string[] };

export interface Branch {
  readonly condition: ChainCondition;
  readonly target: ConnectionTarget;
  /** What the target's policy says of connections. */
  readonly upstream?: UpstreamTraits;
  readonly causes: readonly Cause[];
}

export const speaksTls = ({ protocol }: ServicePort): boolean => protocol === 'tls' || protocol === 'https';

/**
 * In the order in which they are tried. Rules that are for the port replace the way to the service itself, also where
 * none of them can match here: then there is no branch.
 */
export function branchesOf(table: ConnectionTable, port: ServicePort, place: Place): readonly Branch[] {
  const rules: readonly TcpRule[] = speaksTls(port) ? table.tls : table.tcp;
  const isForPort = (match: TcpMatch) => match.port === undefined || match.port === port.number;
  const own = rules.filter(({ matches }) => matches.length === 0 || matches.some(isForPort));
  if (own.length > 0) {
    const branches = own.flatMap((rule) => branchesOfRule(rule, port, place));
    return isSharedPlace(place) ? branches.flatMap((branch) => narrow(branch, table.host)) : branches;
  }
  if (table.host !== table.service.host) return [];
  const target = outboundCluster(port.number, '', table.service.alias ?? table.service.host);
  const serverNames = speaksTls(port) && isSharedPlace(place) ? [table.host] : [];
  return [{ condition: { serverNames, blocks: blocksOf(place) }, target, causes: table.service.causes }];
}

const isSharedPlace = ({ kind }: Place): boolean => kind === 'anywhere' || kind === 'blocks';

/** Where hosts are told apart by name, none takes names of another. */
function narrow(branch: Branch, host: Host): readonly Branch[] {
  const { serverNames } = branch.condition;
  if (serverNames.length === 0) return [branch];
  const own = serverNames.flatMap((name) => {
    if (covers(name, host)) return [host];
    return covers(host, name) ? [name] : [];
  });
  return own.length === 0
    ? []
    : [{ ...branch, condition: { ...branch.condition, serverNames: [...new Set(own)] } }];
}

const covers = (pattern: string, host: Host): boolean =>
  pattern === host || pattern === '*' || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)));

function branchesOfRule(rule: TcpRule, port: ServicePort, place: Place): readonly Branch[] {
  const target = targetOf(rule.destinations, port.number);
  const branch = (condition: ChainCondition, cause: Cause): Branch => ({
    condition,
    target,
    causes: [cause],
  });
  if (rule.matches.length === 0) {
    return [branch({ serverNames: [], blocks: blocksOf(place) }, rule.cause)];
  }
  return rule.matches
    .filter((match) => match.port === undefined || match.port === port.number)
    .flatMap((match) => {
      const blocks = blocksAt(place, match.destinationSubnets);
      return blocks === 'never' ? [] : [branch({ serverNames: namesOf(match), blocks }, match.cause)];
    });
}

const namesOf = (match: TcpMatch | TlsMatch): readonly string[] =>
  'serverNames' in match ? match.serverNames : [];

const blocksOf = (place: Place): readonly (readonly string[])[] =>
  place.kind === 'blocks' ? [place.blocks] : [];

/** What is left to compare when a connection comes; at one address the answer is known beforehand. */
function blocksAt(place: Place, subnets: readonly string[]): readonly (readonly string[])[] | 'never' {
  if (subnets.length === 0) return blocksOf(place);
  switch (place.kind) {
    case 'address':
      return isInBlocks(place.address, subnets) ? [] : 'never';
    case 'named':
      return place.addresses.some((address) => isInBlocks(address, subnets)) ? [] : 'never';
    case 'blocks':
      return [place.blocks, subnets];
    case 'anywhere':
      return [subnets];
  }
}

/** Branches after one that takes everything are never reached. */
export function reachable(branches: readonly Branch[]): readonly Branch[] {
  const last = branches.findIndex(({ condition }) => isUnconditional(condition));
  return last === -1 ? branches : branches.slice(0, last + 1);
}

export const isUnconditional = ({ serverNames, blocks }: ChainCondition): boolean =>
  serverNames.length === 0 && blocks.length === 0;
