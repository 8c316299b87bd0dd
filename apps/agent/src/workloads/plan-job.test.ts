// A Job's Pods: as many at a time as it says, until it has succeeded or failed.
import { describe, expect, it } from 'vitest';
import { type JobPodState, planJob } from './plan-job.ts';

const pod = (name: string, outcome?: 'succeeded' | 'failed', hash = 'h'): JobPodState => ({
  name,
  hash,
  outcome,
  isReady: false,
  isStopping: false,
});
const job = { completions: 3, parallelism: 2, backoffLimit: 1, isSuspended: false };
const desired = { hash: 'h', job };

describe('planJob', () => {
  it('starts as many as may run at a time', () => {
    expect(planJob(desired, [])).toEqual({ start: 2, stop: [] });
    expect(planJob(desired, [pod('a')])).toEqual({ start: 1, stop: [] });
  });

  it('never runs more than are still wanted', () => {
    expect(planJob(desired, [pod('a', 'succeeded'), pod('b', 'succeeded')])).toEqual({ start: 1, stop: [] });
    const done = ['a', 'b', 'c'].map((name) => pod(name, 'succeeded'));
    expect(planJob(desired, done)).toEqual({ start: 0, stop: [] });
  });

  it('tries again after a failure, but not for ever', () => {
    expect(planJob(desired, [pod('a', 'failed')]).start).toBe(2);
    expect(planJob(desired, [pod('a', 'failed'), pod('b', 'failed'), pod('c')])).toEqual({
      start: 0,
      stop: ['c'],
    });
  });

  it('stops what is suspended, deleted or of an older template', () => {
    expect(planJob({ hash: 'h', job: { ...job, isSuspended: true } }, [pod('a')])).toEqual({
      start: 0,
      stop: ['a'],
    });
    expect(planJob(undefined, [pod('a', 'succeeded')])).toEqual({ start: 0, stop: ['a'] });
    expect(planJob(desired, [pod('a', 'succeeded', 'old')])).toEqual({ start: 2, stop: ['a'] });
  });
});
