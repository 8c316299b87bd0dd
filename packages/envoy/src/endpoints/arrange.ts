// Endpoints as a client in some place should see them: in groups by locality, with priorities or shares.
import type { Endpoint, Locality, LocalitySetting } from '@xebec/model';
import { type Ranked, type Reach, throughGateways } from './networks.ts';
import { labelOf, type Place } from './place.ts';

/** Endpoints of one locality and one priority. */
export interface EndpointGroup {
  readonly locality: Locality | undefined;
  /** 0 is called first; the next one when too many of it are unhealthy. */
  readonly priority: number;
  /** Relative to the other groups of the priority. */
  readonly weight: number;
  readonly members: readonly Endpoint[];
}

/** How the place of a client counts. */
export interface Arrangement {
  readonly place: Place;
  readonly setting?: LocalitySetting;
  /** Only endpoints on the client's own node. */
  readonly isNodeLocal?: boolean;
  /** Absent: every endpoint is reached directly. */
  readonly reach?: Reach;
}

/** Sorted by priority, then by locality. Without an arrangement every endpoint is as good as any other. */
export function arrangeEndpoints(
  written: readonly Endpoint[],
  arrangement?: Arrangement,
): readonly EndpointGroup[] {
  if (arrangement === undefined) return groupByRank(asGood(written));
  const { place, setting, isNodeLocal = false, reach } = arrangement;
  const all = written.map((endpoint) => withRegion(endpoint, place));
  const usable =
    isNodeLocal && place.node !== undefined ? all.filter(({ node }) => node === place.node) : all;
  const through = (ranked: readonly Ranked[]): readonly EndpointGroup[] =>
    groupByRank(reach === undefined ? ranked : throughGateways(ranked, reach));
  if (setting === undefined) return through(asGood(usable));
  const shares = setting.distribute.find(({ from }) => covers(from, place.locality));
  if (shares !== undefined) {
    const hasShare = ({ locality }: Endpoint): boolean =>
      Object.entries(shares.to).some(([pattern, percent]) => percent > 0 && covers(pattern, locality));
    const shared = usable.filter((endpoint) => hasShare(endpoint));
    return distributed(through(asGood(shared)), shares.to);
  }
  if (setting.distribute.length > 0) return through(asGood(usable));
  const rank = rankOf(setting, place);
  return through(usable.map((endpoint) => ({ endpoint, rank: rank(endpoint) })));
}

const asGood = (endpoints: readonly Endpoint[]): readonly Ranked[] =>
  endpoints.map((endpoint) => ({ endpoint, rank: 0 }));

/** Envoy adds weights up in 32 bits and refuses what is more; shares stay as they are. */
const mostWeight = 0x7fff_ffff;

function withinWeight(endpoints: readonly Ranked[]): readonly Ranked[] {
  const total = endpoints.reduce((sum, { endpoint }) => sum + endpoint.weight, 0);
  if (total <= mostWeight) return endpoints;
  const scaled = (weight: number): number => Math.max(1, Math.floor((weight / total) * mostWeight));
  return endpoints.map(({ endpoint, rank }) => ({
    endpoint: { ...endpoint, weight: scaled(endpoint.weight) },
    rank,
  }));
}

/** What is known by its network alone is nowhere for those whom no gateway leads there. */
const isAddressed = ({ endpoint }: Ranked): boolean => endpoint.address !== '';

/** EndpointSlices name zones only; a zone is in one region, so that the client's own zone is in the client's region. */
function withRegion(endpoint: Endpoint, { locality: own }: Place): Endpoint {
  const { locality } = endpoint;
  const isOwnZone = own !== undefined && own.zone !== '' && locality?.zone === own.zone;
  if (!isOwnZone || locality?.region !== '' || own.region === '') return endpoint;
  return { ...endpoint, locality: { ...locality, region: own.region } };
}

function groupByRank(written: readonly Ranked[]): readonly EndpointGroup[] {
  const groups = new Map<string, { rank: number; locality: Locality | undefined; members: Endpoint[] }>();
  for (const { endpoint, rank: own } of withinWeight(written.filter(isAddressed))) {
    const key = `${String(own).padStart(4, '0')} ${localityText(endpoint.locality)}`;
    const group = groups.get(key) ?? { rank: own, locality: endpoint.locality, members: [] };
    group.members.push(endpoint);
    groups.set(key, group);
  }
  const sorted = [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  // Envoy wants priorities without gaps.
  const ranks = [...new Set(sorted.map((group) => group.rank))];
  return sorted.map(({ rank: own, locality, members }) => ({
    locality,
    priority: ranks.indexOf(own),
    weight: members.reduce((sum, { weight }) => sum + weight, 0),
    members,
  }));
}

export const localityText = (locality: Locality | undefined): string =>
  locality === undefined ? '' : `${locality.region}/${locality.zone}/${locality.subzone}`;

/** `region/zone/subzone`, each part optional from the right, with or without a star at the end. */
function covers(pattern: string, locality: Locality | undefined): boolean {
  if (pattern === '*') return true;
  if (locality === undefined) return false;
  const parts = [locality.region, locality.zone, locality.subzone];
  return pattern.split('/').every((part, at) => part === '*' || part === parts[at]);
}

/** Shares are percent; within one, localities count by their endpoints' weights. */
const precision = 1_000;

function distributed(
  groups: readonly EndpointGroup[],
  to: Readonly<Record<string, number>>,
): readonly EndpointGroup[] {
  const named = Object.entries(to).map(([pattern, percent]) => ({
    percent,
    members: groups.filter(({ locality }) => covers(pattern, locality)),
  }));
  const weightOf = (group: EndpointGroup): number => {
    const share = named.find(({ members }) => members.includes(group));
    if (share === undefined || share.percent === 0) return 0;
    const total = share.members.reduce((sum, { weight }) => sum + weight, 0);
    return Math.max(1, Math.round((share.percent * precision * group.weight) / total));
  };
  return groups.map((group) => ({ ...group, weight: weightOf(group) })).filter(({ weight }) => weight > 0);
}

function rankOf(
  { failover, failoverPriority }: LocalitySetting,
  place: Place,
): (endpoint: Endpoint) => number {
  if (failoverPriority.length > 0) return (endpoint) => labelRank(failoverPriority, endpoint, place);
  const { locality } = place;
  if (locality === undefined) return () => 0;
  const next = failover.find(({ from }) => from === locality.region)?.to;
  return (endpoint) => localityRank(locality, endpoint.locality, next);
}

/** Same subzone, same zone, same region, the region to fail over to, any other. */
function localityRank(own: Locality, other: Locality | undefined, next: string | undefined): number {
  if (other?.region !== own.region) return next !== undefined && other?.region === next ? 3 : 4;
  if (other.zone !== own.zone) return 2;
  return other.subzone === own.subzone ? 0 : 1;
}

/** The labels of the list that match until one does not; the more, the better. */
function labelRank(labels: readonly string[], endpoint: Endpoint, place: Place): number {
  const isMatch = (label: string): boolean => {
    const at = label.indexOf('=');
    const key = at < 0 ? label : label.slice(0, at);
    const wanted = at < 0 ? place.labels[key] : label.slice(at + 1);
    return (labelOf(key, endpoint) ?? '') === (wanted ?? '');
  };
  const matched = labels.findIndex((label) => !isMatch(label));
  return matched === -1 ? 0 : labels.length - matched;
}
