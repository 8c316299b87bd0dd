// The authority as the control plane tells of it.
import type { Diagnostic } from '@xebec/std';
import { diagnosticsOf } from '../admin/control-plane.ts';
import { at, isObject, listOf, numberOf, objectsOf, textOf } from '../admin/json.ts';

export interface AuthorityCertificate {
  readonly role: string;
  readonly subject: string;
  readonly notAfter: number;
}

export interface TrustingWorkload {
  readonly workload: string;
  readonly hasBundle: boolean;
  readonly hasIssuer: boolean;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly problem: string;
}

export interface RotationState {
  readonly kind: string;
  readonly stage: string;
  readonly goal: string;
  readonly waitingFor: readonly { readonly workload: string; readonly reason: string }[];
}

export interface FederationState {
  /** Trust domains. */
  readonly letIn: readonly string[];
  /** Those that are fetched. */
  readonly bundles: readonly FetchedBundle[];
}

export interface FetchedBundle {
  readonly trustDomain: string;
  readonly url: string;
  /** Undefined: never. */
  readonly fetchedAtMs: number | undefined;
}

export interface AuthorityState {
  readonly trustDomain: string;
  readonly roots: number;
  readonly certificates: readonly AuthorityCertificate[];
  readonly rotation: RotationState | undefined;
  readonly workloads: readonly TrustingWorkload[];
  readonly federation: FederationState;
  readonly warnings: readonly Diagnostic[];
}

export function readAuthority(answer: unknown): AuthorityState {
  const rotation = at(answer, 'rotation');
  return {
    trustDomain: textOf(at(answer, 'trustDomain')),
    roots: numberOf(at(answer, 'bundle', 'roots')) ?? 0,
    certificates: objectsOf(at(answer, 'certificates')).map((certificate) => ({
      role: textOf(certificate['role']),
      subject: textOf(certificate['subject']),
      notAfter: numberOf(certificate['notAfter']) ?? 0,
    })),
    rotation: isObject(rotation)
      ? {
          kind: textOf(rotation['kind']),
          stage: textOf(rotation['stage']),
          goal: textOf(rotation['goal']),
          waitingFor: objectsOf(rotation['waitingFor']).map((each) => ({
            workload: textOf(each['workload']),
            reason: textOf(each['reason']),
          })),
        }
      : undefined,
    workloads: objectsOf(at(answer, 'workloads')).map((workload) => ({
      workload: textOf(workload['workload']),
      hasBundle: workload['hasBundle'] === true,
      hasIssuer: workload['hasIssuer'] === true,
      notBefore: numberOf(workload['notBefore']) ?? 0,
      notAfter: numberOf(workload['notAfter']) ?? 0,
      problem: textOf(workload['problem']),
    })),
    federation: {
      letIn: listOf(at(answer, 'federation', 'letIn')).map(textOf),
      bundles: objectsOf(at(answer, 'federation', 'bundles')).map((bundle) => ({
        trustDomain: textOf(bundle['trustDomain']),
        url: textOf(bundle['url']),
        fetchedAtMs: numberOf(bundle['fetchedAtMs']),
      })),
    },
    warnings: diagnosticsOf(at(answer, 'warnings')),
  };
}
