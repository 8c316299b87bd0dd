// The embedded kubelet: for every workload as many Pods as it asks for, of the template it has now.
import { backoffMs } from '../backoff.ts';
import { messageOf } from '../problem.ts';
import { type DesiredJob, type JobPodState, planJob } from './plan-job.ts';
import { planReplicas, type ReplicaPlan } from './plan-replicas.ts';
import { Pod } from './pod.ts';
import type { PodContext } from './pod-context.ts';
import type { PodReport } from './pod-manifest.ts';
import { freePodName } from './pod-names.ts';
import type { WorkloadTemplate } from './workload-template.ts';

export interface Kubelet {
  /** A new workload, or a new template or number of replicas of one. */
  set(template: WorkloadTemplate): void;
  delete(key: string): void;
  reports(): readonly PodReport[];
  /** Stops everything; resolves when nothing runs any more. */
  close(drainMs: number): Promise<void>;
}

const jobRetry = { firstMs: 1_000, longestMs: 60_000 };

const isJob = (template: WorkloadTemplate): template is WorkloadTemplate & DesiredJob =>
  template.job !== undefined;

const planFor = (template: WorkloadTemplate | undefined, pods: readonly JobPodState[]): ReplicaPlan =>
  template !== undefined && isJob(template) ? planJob(template, pods) : planReplicas(template, pods);

export function createKubelet(context: PodContext): Kubelet {
  const templates = new Map<string, WorkloadTemplate>();
  const pods = new Map<string, Set<Pod>>();
  const tried = new Map<string, number>();
  const waiting = new Map<string, Disposable>();
  let isClosed = false;

  const podsOf = (key: string): Set<Pod> => {
    const found = pods.get(key) ?? new Set();
    pods.set(key, found);
    return found;
  };
  const allPods = (): readonly Pod[] => [...pods.values()].flatMap((set) => [...set]);
  const isTaken = (name: string): boolean => allPods().some((pod) => pod.name === name);

  const start = (template: WorkloadTemplate): void => {
    const { key, hash } = template;
    const name = freePodName(template.name, hash, isTaken);
    podsOf(key).add(new Pod({ context, template, name, onChange: () => reconcile(key) }));
  };
  const stop = (key: string, pod: Pod, drainMs: number): Promise<void> =>
    pod.stop(drainMs).then(
      () => forget(key, pod),
      (error: unknown) => {
        const message = `${pod.name} did not end cleanly: ${messageOf(error)}`;
        context.onEvent({ kind: 'warning', code: 'pod-not-ended', pod: pod.name, message });
        forget(key, pod);
      },
    );
  const forget = (key: string, pod: Pod): void => {
    const left = podsOf(key);
    left.delete(pod);
    if (left.size === 0 && !templates.has(key)) pods.delete(key);
  };
  /** A Job that has failed is not tried again at once. */
  const mayStart = (key: string): boolean => {
    const failures = [...podsOf(key)].filter(({ outcome }) => outcome === 'failed').length;
    if (failures <= (tried.get(key) ?? 0)) return !waiting.has(key);
    tried.set(key, failures);
    waiting.set(
      key,
      context.timers.after(backoffMs(jobRetry, failures, context.random), () => {
        waiting.delete(key);
        reconcile(key);
      }),
    );
    return false;
  };
  const reconcile = (key: string): void => {
    if (isClosed) return;
    const template = templates.get(key);
    const current = podsOf(key);
    const plan = planFor(template, [...current]);
    for (const pod of [...current].filter(({ name }) => plan.stop.includes(name)))
      void stop(key, pod, context.drainMs);
    if (template !== undefined && plan.start > 0 && mayStart(key))
      for (let count = 0; count < plan.start; count += 1) start(template);
    if (current.size === 0 && template === undefined) pods.delete(key);
  };

  return {
    set(template) {
      templates.set(template.key, template);
      reconcile(template.key);
    },
    delete(key) {
      if (templates.delete(key)) reconcile(key);
    },
    reports: () => allPods().map(({ report }) => report),
    async close(drainMs) {
      isClosed = true;
      for (const timer of waiting.values()) timer[Symbol.dispose]();
      await Promise.all([...pods].flatMap(([key, set]) => [...set].map((pod) => stop(key, pod, drainMs))));
    },
  };
}
