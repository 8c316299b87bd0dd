// What is converted: every old rule with its name, its place, and what other documents say about the services it names.
import type { Metadata, RawObject } from '../types.ts';
import type { DestinationPolicy, EgressRule, IngressRule, RouteRule } from './old-kinds.ts';
import type { OldService } from './old-values.ts';
import type { RbacConfig, ServiceRole, ServiceRoleBinding } from './role-kinds.ts';

export interface Source<T> {
  readonly metadata: Metadata;
  readonly spec: T;
  readonly raw: RawObject;
}

/** A problem that shows only when rules are put together; the place is the source's. */
export interface Doubt {
  readonly source: Source<unknown>;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly remedy: string;
  readonly path: readonly (string | number)[];
}

export interface Sources {
  readonly routeRules: readonly Source<RouteRule>[];
  readonly destinationPolicies: readonly Source<DestinationPolicy>[];
  readonly egressRules: readonly Source<EgressRule>[];
  readonly ingressRules: readonly Source<IngressRule>[];
  readonly serviceRoles: readonly Source<ServiceRole>[];
  readonly serviceRoleBindings: readonly Source<ServiceRoleBinding>[];
  readonly rbacConfigs: readonly Source<RbacConfig>[];
  /** The body of a Kubernetes Service among the documents, by `NAMESPACE/NAME`. */
  readonly services: ReadonlyMap<string, ServiceFacts>;
}

export interface ServiceFacts {
  readonly selector: Readonly<Record<string, unknown>>;
  readonly ports: readonly {
    readonly name?: unknown;
    readonly port?: unknown;
    readonly targetPort?: unknown;
  }[];
}

export type Manifest = Readonly<Record<string, unknown>>;

export interface Conversion {
  readonly manifests: readonly Manifest[];
  readonly doubts: readonly Doubt[];
}

const clusterSuffix = 'svc.cluster.local';

/** The full host of a service, seen from a namespace. */
export function fullHost(service: OldService, namespace: string): string {
  if (service.service !== undefined) return service.service;
  return `${service.name}.${service.namespace ?? namespace}.${service.domain ?? clusterSuffix}`;
}

/** As short as it may be written in an object of this namespace. */
export function shortHost(host: string, namespace: string): string {
  const suffix = `.${namespace}.${clusterSuffix}`;
  const name = host.endsWith(suffix) ? host.slice(0, -suffix.length) : host;
  return name.includes('.') ? host : name;
}

/** The name of an object about a host. */
export const nameFor = (host: string, namespace: string): string =>
  shortHost(host, namespace).replace('*', 'any').replaceAll('_', '-');

/** The name of the subset that labels select: `version-v1`. */
export function subsetName(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels)
    .sort()
    .map((key) => `${key}-${labels[key]}`)
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 63)
    .replace(/-$/, '');
}

export const manifest = (
  kind: string,
  metadata: { namespace: string; name: string },
  spec: unknown,
): Manifest => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name: metadata.name, namespace: metadata.namespace },
  spec,
});

/** Entries of one key together, keys in order. */
export function groupBy<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
): readonly (readonly [string, readonly T[]])[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups].sort(([left], [right]) => (left < right ? -1 : 1));
}

/** The higher precedence first, then by name. */
export const byPrecedence = (
  left: Source<{ readonly precedence: number }>,
  right: Source<{ readonly precedence: number }>,
): number =>
  right.spec.precedence - left.spec.precedence || (left.metadata.name < right.metadata.name ? -1 : 1);
