// What a proxy saw of a call, in the vocabulary of attributes. The rule: who the two sides are comes from certificates and from the mesh's own knowledge, everything else is what came over the wire.
import { type Identity, parseSpiffeId } from '@xebec/ca';
import type { AttributeValue, Timestamp } from '@xebec/policy';
import type { BagBuilder } from '../attributes/bag-builder.ts';
import {
  inCommon,
  isWorkloadOf,
  knowAddress,
  knowService,
  knowSide,
  serviceOf,
} from '../attributes/workload-attributes.ts';
import type { KnownWorkload, SeenWorkload, WorkloadDirectory } from '../workload-directory.ts';
import type { ProxySide } from './side.ts';

export interface Endpoint {
  readonly address?: string;
  readonly port?: number;
}

/** A service behind which no proxy of the mesh stands. */
export interface OutsideService {
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
}

export interface CallFacts {
  readonly protocol: 'http' | 'grpc' | 'tcp';
  readonly time?: Timestamp;
  /** The other end's SPIFFE id, proven by mutual TLS with this proxy. */
  readonly peerId?: string;
  /** What the other end's proxy says its workload is called: a hint which of its identity's workloads it is. */
  readonly peerWorkload?: string;
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** Who is called, where the last proxy of the mesh is asked about it. */
  readonly outside?: OutsideService;
  /** Of TLS. */
  readonly serverName?: string;
  /** Host that was asked for. */
  readonly host?: string;
}

export function describeSides(
  bag: BagBuilder,
  side: ProxySide,
  facts: CallFacts,
  workloads: WorkloadDirectory,
): void {
  const own = side.direction === 'outbound' ? ownSide(side, facts, workloads) : side;
  if (side.direction === 'outbound') describeOutbound(bag, own, facts, workloads);
  else describeInbound(bag, side, facts, workloads);
  if (side.direction !== 'inbound' && facts.outside !== undefined) knowOutside(bag, facts.outside);
  const reporter = own.workload?.uid;
  bag.know('context.reporter.kind', side.direction === 'inbound' ? 'inbound' : 'outbound');
  bag.know('context.reporter.local', side.direction === 'inbound');
  bag.know('context.reporter.uid', reporter);
  bag.know('context.proxy_version', side.version);
  bag.know('context.protocol', facts.protocol);
  bag.know('connection.mtls', facts.peerId !== undefined);
  sayKnown(bag, {
    'context.time': facts.time,
    'context.timestamp': facts.time,
    'connection.requested_server_name': emptyAsAbsent(facts.serverName),
  });
}

function describeInbound(
  bag: BagBuilder,
  side: ProxySide,
  facts: CallFacts,
  workloads: WorkloadDirectory,
): void {
  const { identity, raw } = peerOf(facts.peerId);
  knowSide(bag, 'source', { identity, workload: callerOf(facts, identity, workloads) });
  if (identity === undefined && raw !== undefined) sayName(bag, raw);
  knowAddress(bag, 'source', facts.from.address);
  // Who passes a call on is not who is called.
  if (side.direction === 'inbound') {
    knowSide(bag, 'destination', side);
    knowDestination(bag, side.workload, facts);
  } else knowNoWorkload(bag, facts);
}

function knowNoWorkload(bag: BagBuilder, facts: CallFacts): void {
  knowSide(bag, 'destination', {});
  knowDestination(bag, undefined, facts);
}

/** Proxies of clients share what they say: which of its identity's workloads it is, its application's address may tell. */
function ownSide(side: ProxySide, { from: { address } }: CallFacts, workloads: WorkloadDirectory): OwnSide {
  const { identity, workload } = side;
  if (workload !== undefined || identity === undefined) return side;
  const found = address === undefined ? undefined : workloads.byAddress(address);
  if (found !== undefined && isWorkloadOf(found, identity)) return { identity, workload: found };
  const common = inCommon(workloads.byAccount(identity.namespace, identity.serviceAccount));
  return { identity, ...(common === undefined ? {} : { workload: common }) };
}

type OwnSide = Pick<ProxySide, 'identity'> & { readonly workload?: SeenWorkload };

/** Its namespace is whose rules speak of it. */
function knowOutside(bag: BagBuilder, { namespace, name, host }: OutsideService): void {
  bag.know('destination.namespace', namespace);
  knowService(bag, { namespace, name, host, targetPorts: [] });
}

/** Of the other end only the SPIFFE id. */
export function sayPeer(bag: BagBuilder, peerId: string): void {
  const { identity, raw } = peerOf(peerId);
  if (identity !== undefined) knowSide(bag, 'source', { identity });
  else if (raw !== undefined) sayName(bag, raw);
}

/** Words of a certificate that is not the mesh's: checked like everything that strangers say. */
function sayName(bag: BagBuilder, name: string): void {
  for (const attribute of ['source.principal', 'source.user']) {
    bag.know(attribute, undefined);
    bag.set(attribute, name);
  }
}

function describeOutbound(
  bag: BagBuilder,
  side: OwnSide,
  facts: CallFacts,
  workloads: WorkloadDirectory,
): void {
  knowSide(bag, 'source', side);
  knowAddress(bag, 'source', facts.from.address);
  if (facts.outside !== undefined) {
    knowNoWorkload(bag, facts);
    return;
  }
  const { identity } = peerOf(facts.peerId);
  // Where the own proxy sent it, it has verified who is there.
  const { address } = facts.to;
  const found = address === undefined ? undefined : workloads.byAddress(address);
  const workload =
    found === undefined || identity === undefined || isWorkloadOf(found, identity) ? found : undefined;
  knowSide(bag, 'destination', { identity, workload });
  knowDestination(bag, workload, facts);
  if (workload === undefined)
    sayKnown(bag, { 'destination.service.host': emptyAsAbsent(facts.host?.replace(/:\d+$/, '')) });
}

function knowDestination(
  bag: BagBuilder,
  workload: KnownWorkload | undefined,
  { to, host }: CallFacts,
): void {
  knowAddress(bag, 'destination', to.address);
  bag.know('destination.port', to.port === undefined ? undefined : BigInt(to.port));
  const asked = {
    ...(host === undefined ? {} : { host }),
    ...(to.port === undefined ? {} : { port: to.port }),
  };
  knowService(bag, workload === undefined ? undefined : serviceOf(workload, asked));
}

interface Peer {
  readonly identity?: Identity;
  readonly raw?: string;
}

const nobody: Peer = {};
/** The same few peers call again and again. */
const mostRemembered = 4_096;
const rememberedPeers = new Map<string, Peer>();

function peerOf(id: string | undefined): Peer {
  if (id === undefined || id === '') return nobody;
  const remembered = rememberedPeers.get(id);
  if (remembered !== undefined) return remembered;
  const parsed = parseSpiffeId(id);
  const peer = parsed.ok ? { identity: parsed.value } : { raw: id.replace(/^spiffe:\/\//, '') };
  if (rememberedPeers.size >= mostRemembered) rememberedPeers.clear();
  rememberedPeers.set(id, peer);
  return peer;
}

/**
 * The workload that calls, among those of the proven identity: by its address, else by what its proxy calls it, else
 * what all of them have in common. Without proof an address proves nothing.
 */
function callerOf(
  { from: { address }, peerWorkload }: CallFacts,
  identity: Identity | undefined,
  workloads: WorkloadDirectory,
): SeenWorkload | undefined {
  if (identity === undefined) return undefined;
  const found = address === undefined ? undefined : workloads.byAddress(address);
  // On one machine proxies may call from an address that is another's.
  if (found !== undefined && isWorkloadOf(found, identity)) return found;
  const all = workloads.byAccount(identity.namespace, identity.serviceAccount);
  const named = all.filter(({ workloadName }) => workloadName !== undefined && workloadName === peerWorkload);
  return inCommon(named.length > 0 ? named : all);
}

export const emptyAsAbsent = (text: string | undefined): string | undefined =>
  text === '' ? undefined : text;

/** What came over the wire: checked like everything that strangers say. */
export function sayKnown(
  bag: BagBuilder,
  values: Readonly<Record<string, AttributeValue | undefined>>,
): void {
  for (const name of Object.keys(values)) {
    const value = values[name];
    if (value !== undefined) bag.set(name, value);
  }
}
