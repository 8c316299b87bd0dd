// Which Pods of a workload to start and to stop: new ones first, old ones go as new ones take over, never fewer than asked for.

export interface ReplicaState {
  readonly name: string;
  readonly hash: string;
  readonly isReady: boolean;
  readonly isStopping: boolean;
}

export interface DesiredReplicas {
  readonly hash: string;
  readonly replicas: number;
}

export interface ReplicaPlan {
  readonly start: number;
  readonly stop: readonly string[];
}

/** `desired` is undefined once the workload is deleted. */
export function planReplicas(
  desired: DesiredReplicas | undefined,
  pods: readonly ReplicaState[],
): ReplicaPlan {
  const live = pods.filter(({ isStopping }) => !isStopping);
  if (desired === undefined) return { start: 0, stop: live.map(({ name }) => name) };
  const current = unreadyFirst(live.filter(({ hash }) => hash === desired.hash));
  const old = unreadyFirst(live.filter(({ hash }) => hash !== desired.hash));
  const surplus = current.slice(0, Math.max(0, current.length - desired.replicas));
  const ready = current.slice(surplus.length).filter(({ isReady }) => isReady).length;
  const oldToKeep = Math.max(0, desired.replicas - ready);
  const replaced = old.slice(0, Math.max(0, old.length - oldToKeep));
  return {
    start: Math.max(0, desired.replicas - current.length),
    stop: [...surplus, ...replaced].map(({ name }) => name),
  };
}

/** Those that serve nobody are the first to go. */
const unreadyFirst = (pods: readonly ReplicaState[]): readonly ReplicaState[] => [
  ...pods.filter(({ isReady }) => !isReady),
  ...pods.filter(({ isReady }) => isReady),
];
