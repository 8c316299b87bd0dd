// Which workload a proxy speaks for. The rule: its certificate must be that workload's; what a proxy says of itself is only a hint which one of several it is.
import { type Metadata, status } from '@grpc/grpc-js';
import type { Identity } from '@xebec/ca';
import type { FailurePolicy } from '@xebec/policy';
import { isWorkloadOf } from '../attributes/workload-attributes.ts';
import type { Caller } from '../callers/caller.ts';
import { isRefusal, type Refusal, refusal } from '../rpc/refusal.ts';
import type { KnownWorkload, WorkloadDirectory } from '../workload-directory.ts';

/** `through`: a gateway passes on what others send it. */
export type Direction = 'inbound' | 'outbound' | 'through';

/** Whether the caller is at the other end of what came in, and has proven to this proxy who it is. */
export const hasCaller = (direction: Direction): boolean => direction !== 'outbound';

export interface ProxySide {
  readonly direction: Direction;
  readonly identity?: Identity;
  readonly workload?: KnownWorkload;
  readonly failurePolicy?: FailurePolicy;
  /** It stands at the edge of the mesh, before routes change requests. */
  readonly isGateway?: true;
  /** Of Envoy, where the proxy says it: `1.40.0`. */
  readonly version?: string;
  /** Quotas that it counts by itself. */
  readonly assignedQuotas?: ReadonlySet<string>;
  /** The proxy is a gateway, and calls only pass it. */
  readonly isPassing?: true;
}

/** Said in gRPC metadata. */
export const workloadHeader = 'xebec-workload';
export const directionHeader = 'xebec-direction';
export const failurePolicyHeader = 'xebec-failure-policy';
export const assignedQuotasHeader = 'xebec-assigned-quotas';
export const scopeHeader = 'xebec-scope';

export function proxySideOf(
  caller: Caller,
  metadata: Metadata,
  workloads: WorkloadDirectory,
): ProxySide | Refusal {
  const direction = directionIn(metadata);
  const policy = textOf(metadata, failurePolicyHeader);
  const failurePolicy: Pick<ProxySide, 'failurePolicy'> =
    policy === 'open' || policy === 'close' ? { failurePolicy: policy } : {};
  const whose = sideOf(caller, textOf(metadata, workloadHeader), workloads);
  const assigned = textOf(metadata, assignedQuotasHeader);
  const assignedQuotas = assigned === undefined ? {} : { assignedQuotas: new Set(assigned.split(',')) };
  return isRefusal(whose)
    ? whose
    : { direction, ...failurePolicy, ...assignedQuotas, ...passingIn(metadata), ...whose };
}

export const passingIn = (metadata: Metadata): Pick<ProxySide, 'isPassing'> =>
  textOf(metadata, scopeHeader) === 'gateway' ? { isPassing: true } : {};

export function directionIn(metadata: Metadata): Direction {
  const said = textOf(metadata, directionHeader);
  return said === 'outbound' || said === 'through' ? said : 'inbound';
}

type Whose = Pick<ProxySide, 'identity' | 'workload'>;

/** `name`: `NAMESPACE/NAME` of the workload; undefined where the proxy does not say. */
export function sideOf(
  { identity, kind }: Caller,
  name: string | undefined,
  workloads: WorkloadDirectory,
): Whose | Refusal {
  const [namespace = '', pod = ''] = name?.split('/') ?? [];
  const workload = pod === '' ? undefined : workloads.byName(namespace, pod);
  if (kind !== 'believed') {
    if (identity === undefined) return notItsWorkload;
    const isOwn =
      workload === undefined
        ? name === undefined || namespace === identity.namespace
        : isWorkloadOf(workload, identity);
    if (!isOwn) return notItsWorkload;
  }
  return { ...(identity === undefined ? {} : { identity }), ...(workload === undefined ? {} : { workload }) };
}

const notItsWorkload = refusal(
  status.PERMISSION_DENIED,
  'a proxy speaks for the workload that its certificate is of, and this is another',
);

function textOf(metadata: Metadata, name: string): string | undefined {
  const [value, ...others] = metadata.get(name);
  return typeof value === 'string' && others.length === 0 ? value : undefined;
}

/** Envoy's node id `TYPE~IP~NAME.NAMESPACE~DOMAIN` as `NAMESPACE/NAME`. */
export function workloadOfNode(id: string): string | undefined {
  const name = id.split('~')[2];
  const dot = name?.lastIndexOf('.') ?? -1;
  return name === undefined || dot <= 0 ? undefined : `${name.slice(dot + 1)}/${name.slice(0, dot)}`;
}
