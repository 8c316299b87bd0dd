// Plans for replicas: they reach what is asked for, and on the way no fewer serve than asked.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planReplicas, type ReplicaState } from './plan-replicas.ts';

const pod = (name: string, hash: string, isReady = true, isStopping = false): ReplicaState => ({
  name,
  hash,
  isReady,
  isStopping,
});

test('starts what is missing and stops what is too much, those first that serve nobody', () => {
  expect(planReplicas({ hash: 'a', replicas: 2 }, [])).toEqual({ start: 2, stop: [] });
  expect(planReplicas({ hash: 'a', replicas: 1 }, [pod('1', 'a'), pod('2', 'a', false)])).toEqual({
    start: 0,
    stop: ['2'],
  });
  expect(planReplicas(undefined, [pod('1', 'a'), pod('2', 'a', true, true)])).toEqual({
    start: 0,
    stop: ['1'],
  });
});

test('old ones stay until new ones are ready', () => {
  const old = [pod('1', 'a'), pod('2', 'a')];
  const desired = { hash: 'b', replicas: 2 };
  expect(planReplicas(desired, old)).toEqual({ start: 2, stop: [] });
  expect(planReplicas(desired, [...old, pod('3', 'b'), pod('4', 'b', false)])).toEqual({
    start: 0,
    stop: ['1'],
  });
  expect(planReplicas(desired, [...old, pod('3', 'b'), pod('4', 'b')])).toEqual({
    start: 0,
    stop: ['1', '2'],
  });
});

test('any history ends with exactly what is asked for, and never has fewer ready than before and asked', () => {
  const step = fc.record({
    desired: fc.option(fc.record({ hash: fc.constantFrom('a', 'b', 'c'), replicas: fc.nat(4) }), {
      nil: undefined,
    }),
    getReady: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      let pods: ReplicaState[] = [];
      let count = 0;
      const apply = (desired: { hash: string; replicas: number } | undefined): void => {
        const readyBefore = pods.filter(({ isReady }) => isReady).length;
        const plan = planReplicas(desired, pods);
        pods = pods.filter(({ name }) => !plan.stop.includes(name));
        for (let index = 0; index < plan.start; index += 1) {
          count += 1;
          pods.push(pod(String(count), desired?.hash ?? '', false));
        }
        const ready = pods.filter(({ isReady }) => isReady).length;
        expect(ready).toBeGreaterThanOrEqual(Math.min(readyBefore, desired?.replicas ?? 0));
      };
      for (const { desired, getReady } of steps) {
        apply(desired);
        if (getReady) pods = pods.map((each) => ({ ...each, isReady: true }));
      }
      const last = steps.at(-1)?.desired;
      for (let round = 0; round < 3; round += 1) {
        pods = pods.map((each) => ({ ...each, isReady: true }));
        apply(last);
      }
      expect(pods.map(({ hash }) => hash)).toEqual(Array(last?.replicas ?? 0).fill(last?.hash));
    }),
  );
});
