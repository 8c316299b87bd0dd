// Host names: short ones belong to the namespace of the object that writes them; `*.` stands for one or more labels.
import type { Host } from '@xebec/model';

export interface HostContext {
  readonly namespace: string;
  readonly clusterDomain: string;
}

/** The fully qualified host of a Kubernetes service. */
export const serviceHost = (name: string, context: HostContext): Host =>
  `${name}.${context.namespace}.svc.${context.clusterDomain}`;

/** A host as written, made fully qualified; names with a dot and wildcards are taken as they are. */
export function expandHost(written: string, context: HostContext): Host {
  return written.includes('.') || written.startsWith('*') ? written : serviceHost(written, context);
}

export const isWildcard = (host: Host): boolean => host.startsWith('*');

/** The wildcards that cover a host, most specific first: `*.b.c`, `*.c`, `*` of `a.b.c`. */
export function wildcardsOf(host: Host): readonly Host[] {
  const wildcards: Host[] = [];
  const start = host.startsWith('*.') ? 2 : 0;
  for (let dot = host.indexOf('.', start); dot !== -1; dot = host.indexOf('.', dot + 1)) {
    wildcards.push(`*${host.slice(dot)}`);
  }
  if (host !== '*') wildcards.push('*');
  return wildcards;
}

/** Whether every name that `host` stands for is one that `pattern` stands for. */
export function isCoveredBy(host: Host, pattern: Host): boolean {
  if (host === pattern || pattern === '*') return true;
  return pattern.startsWith('*.') && host.endsWith(pattern.slice(1));
}

/** The names both stand for: the narrower of the two, or nothing. */
export function intersectHosts(left: Host, right: Host): Host | undefined {
  if (isCoveredBy(left, right)) return left;
  return isCoveredBy(right, left) ? right : undefined;
}

/** Order in which domains are tried and listed: exact ones, then the longest wildcards, then by name. */
export function compareSpecificity(left: Host, right: Host): number {
  const wildness = Number(isWildcard(left)) - Number(isWildcard(right));
  if (wildness !== 0) return wildness;
  if (isWildcard(left) && left.length !== right.length) return right.length - left.length;
  return compareText(left, right);
}

/** Code point order, the same on every machine. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
