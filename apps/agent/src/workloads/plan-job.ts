// Which Pods of a Job to start and to stop: as many as may run at a time, until enough have ended well or too many have not.
import type { ReplicaPlan, ReplicaState } from './plan-replicas.ts';
import type { Outcome } from './pod-containers.ts';

export interface JobPodState extends ReplicaState {
  readonly outcome: Outcome | undefined;
}

export interface DesiredJob {
  readonly hash: string;
  readonly job: {
    readonly completions: number;
    readonly parallelism: number;
    readonly backoffLimit: number;
    readonly isSuspended: boolean;
  };
}

/** `desired` is undefined once the Job is deleted. Pods that have ended stay, to be looked at. */
export function planJob(desired: DesiredJob | undefined, pods: readonly JobPodState[]): ReplicaPlan {
  const live = pods.filter(({ isStopping }) => !isStopping);
  if (desired === undefined) return { start: 0, stop: live.map(({ name }) => name) };
  const { hash, job } = desired;
  const own = live.filter((pod) => pod.hash === hash);
  const others = live.filter((pod) => pod.hash !== hash);
  const active = own.filter(({ outcome }) => outcome === undefined);
  const count = (wanted: Outcome): number => own.filter(({ outcome }) => outcome === wanted).length;
  const hasFailed = count('failed') > job.backoffLimit;
  const room = Math.min(job.parallelism, job.completions - count('succeeded')) - active.length;
  const stopped = job.isSuspended || hasFailed ? active : active.slice(active.length + Math.min(0, room));
  return {
    start: job.isSuspended || hasFailed ? 0 : Math.max(0, room),
    stop: [...others, ...stopped].map(({ name }) => name),
  };
}
