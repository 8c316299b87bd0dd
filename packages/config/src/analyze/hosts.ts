// Which hosts exist, with their ports and subsets.
import type { DestinationRuleSpec } from '../kinds/destination-rule/spec.ts';
import type { TextMap } from '../values/shapes.ts';
import type { AnalyzeOptions, ObjectLookup } from './lookup.ts';

export interface KnownHost {
  readonly ports: ReadonlySet<number>;
  readonly namespace: string;
  /** Of a Kubernetes Service with one. */
  readonly selector?: TextMap;
}

export interface Hosts {
  readonly byName: ReadonlyMap<string, KnownHost>;
  readonly wildcards: ReadonlyMap<string, KnownHost>;
  /** Subset names by the host of a DestinationRule, wildcards included. */
  readonly subsets: ReadonlyMap<string, ReadonlySet<string>>;
  readonly clusterDomain: string;
}

/** A host as written, fully qualified: a name without a dot belongs to the namespace of its object. */
export function expandHost(written: string, namespace: string, clusterDomain: string): string {
  if (written.includes('.') || written.startsWith('*')) return written;
  return `${written}.${namespace}.svc.${clusterDomain}`;
}

export function buildHosts(lookup: ObjectLookup, { clusterDomain }: AnalyzeOptions): Hosts {
  const byName = new Map<string, KnownHost>();
  const wildcards = new Map<string, KnownHost>();
  for (const { metadata, spec } of lookup.list('Service')) {
    const ports = new Set(spec.ports.map(({ port }) => port));
    const { namespace } = metadata;
    byName.set(expandHost(metadata.name, namespace, clusterDomain), {
      ports,
      namespace,
      selector: spec.selector,
    });
  }
  for (const { metadata, spec } of lookup.list('ServiceEntry')) {
    const known = { ports: new Set(spec.ports.map(({ number }) => number)), namespace: metadata.namespace };
    for (const host of spec.hosts) addHost(host.startsWith('*') ? wildcards : byName, host, known);
  }
  return { byName, wildcards, subsets: collectSubsets(lookup, clusterDomain), clusterDomain };
}

/** Several objects may add ports to one host. */
function addHost(hosts: Map<string, KnownHost>, host: string, added: KnownHost): void {
  const known = hosts.get(host);
  hosts.set(
    host,
    known === undefined ? added : { ...known, ports: new Set([...known.ports, ...added.ports]) },
  );
}

function collectSubsets(lookup: ObjectLookup, clusterDomain: string): Map<string, Set<string>> {
  const subsets = new Map<string, Set<string>>();
  for (const { metadata, spec } of lookup.list('DestinationRule')) {
    const host = expandHost(spec.host, metadata.namespace, clusterDomain);
    const names = subsets.get(host) ?? new Set<string>();
    for (const { name } of spec.subsets) names.add(name);
    subsets.set(host, names);
  }
  return subsets;
}

/** `*.b.c`, `*.c`, `*` of `a.b.c`. */
function* wildcardsOf(host: string): Generator<string> {
  const start = host.startsWith('*.') ? 2 : 0;
  for (let dot = host.indexOf('.', start); dot >= 0; dot = host.indexOf('.', dot + 1))
    yield `*${host.slice(dot)}`;
  yield '*';
}

/** The host itself, or a wildcard that covers it. */
export function findHost(hosts: Hosts, host: string): KnownHost | undefined {
  const exact = hosts.byName.get(host) ?? hosts.wildcards.get(host);
  if (exact !== undefined) return exact;
  for (const wildcard of wildcardsOf(host)) {
    const known = hosts.wildcards.get(wildcard);
    if (known !== undefined) return known;
  }
  return undefined;
}

/** Names of all subsets that some DestinationRule defines for the host. */
export function subsetsOf(hosts: Hosts, host: string): ReadonlySet<string> {
  const names = new Set(hosts.subsets.get(host));
  for (const wildcard of wildcardsOf(host))
    for (const name of hosts.subsets.get(wildcard) ?? []) names.add(name);
  return names;
}

/** True when a known host lies under the wildcard of a DestinationRule. */
export function coversAny(hosts: Hosts, { host }: Pick<DestinationRuleSpec, 'host'>): boolean {
  if (host === '*') return hosts.byName.size + hosts.wildcards.size > 0;
  const suffix = host.slice(1);
  for (const name of hosts.byName.keys()) if (name.endsWith(suffix)) return true;
  for (const name of hosts.wildcards.keys()) if (name.endsWith(suffix)) return true;
  return false;
}
