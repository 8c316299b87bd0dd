// What a Sidecar lets a workload's proxy see of the mesh.
import type { ObjectKey } from './reference.ts';
import type { Host } from './service.ts';

/** Hosts of a namespace (`*`: of any), by name, by `*.example.com`, or all of them (`*`). */
export interface HostImport {
  readonly namespace: string;
  readonly host: string;
}

/** The hosts that are seen on one port, or on all that no other listener names. */
export interface ImportedHosts {
  readonly port?: number;
  readonly imports: readonly HostImport[];
}

/** Listeners that clients dial, instead of having their traffic redirected. */
export interface DialedListener {
  readonly bind: string;
  readonly port: number;
  readonly isHttp: boolean;
}

export interface Scope {
  /** Equal ids mean equal scopes at any moment: the Sidecar, and the namespace it is seen from. */
  readonly id: string;
  readonly object: ObjectKey;
  /** Absent: everything. */
  readonly hosts?: readonly ImportedHosts[];
  readonly dialed: readonly DialedListener[];
  /** Absent: as the mesh has it. */
  readonly outboundMode?: 'REGISTRY_ONLY' | 'ALLOW_ANY';
}

/** Who owns a host on a port, as one text: `PORT NAMESPACE/HOST`. */
export type HostOwner = `${number} ${string}/${string}`;

export const hostOwner = (port: number, namespace: string, host: Host): HostOwner =>
  `${port} ${namespace}/${host}`;

/** Whether a scope sees the host of an owner. */
export function isImported({ hosts }: Scope, owner: string): boolean {
  if (hosts === undefined) return true;
  const space = owner.indexOf(' ');
  const slash = owner.indexOf('/', space);
  const port = Number(owner.slice(0, space));
  const namespace = owner.slice(space + 1, slash);
  const host = owner.slice(slash + 1);
  const onPort = hosts.filter((each) => each.port === port);
  const listeners = onPort.length > 0 ? onPort : hosts.filter((each) => each.port === undefined);
  return listeners.some(({ imports }) =>
    imports.some(
      (each) => (each.namespace === '*' || each.namespace === namespace) && covers(each.host, host),
    ),
  );
}

/** A wildcard also covers narrower wildcards. */
const covers = (pattern: string, host: string): boolean =>
  pattern === '*' || pattern === host || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)));
