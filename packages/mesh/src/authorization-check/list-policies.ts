// Which policies hold at the workloads that a name stands for.
import type { AuthorizationPolicy, PeerPolicy, Workload } from '@xebec/model';
import { type Result, succeed } from '@xebec/std';
import { findWorkloads } from './parties.ts';
import type { CheckScene } from './question.ts';

export interface HeldPolicies {
  readonly workload: Workload;
  /** False: it has no proxy to enforce anything. */
  readonly isEnforced: boolean;
  readonly peer: PeerPolicy;
  readonly policies: readonly AuthorizationPolicy[];
}

/** Of a service all its workloads, whatever their ports. */
export function listPolicies(to: string, scene: CheckScene): Result<readonly HeldPolicies[]> {
  const found = findWorkloads(to, scene);
  if (!found.ok) return found;
  return succeed(
    found.value.map((workload) => {
      const { peer, authorization } = scene.mesh.acceptances(workload);
      const isEnforced = workload.isMeshed || workload.isGateway === true;
      return { workload, isEnforced, peer, policies: authorization };
    }),
  );
}
