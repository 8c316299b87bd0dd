// Reports of Pods: the newest state arrives, in order, whatever happens on the way, and again when it was forgotten.
import { fail, type Result, succeed } from '@xebec/std';
import { expect, test } from 'vitest';
import type { Manifest } from '../control/control-client.ts';
import { createManualTimers } from '../testing/manual-timers.ts';
import { createPodReporter } from './pod-reporter.ts';

function world() {
  const timers = createManualTimers();
  const told: string[] = [];
  const refused: string[] = [];
  const state: { code: string | undefined } = { code: undefined };
  const answer = (what: string): Result<void> => {
    const { code } = state;
    if (code !== undefined) return fail({ severity: 'error', code, message: 'no' });
    told.push(what);
    return succeed(undefined);
  };
  const reporter = createPodReporter({
    client: {
      putRuntime: async (object: Manifest) => answer(JSON.stringify(object)),
      deleteRuntime: async (key) => answer(`delete ${key}`),
    },
    timers,
    random: () => 0.5,
    onRefused: (key, reason) => void refused.push(`${key}: ${reason}`),
  });
  return { timers, told, refused, state, reporter };
}

test('while nobody answers only the newest state waits', async () => {
  const { timers, told, state, reporter } = world();
  state.code = 'control-plane-unreachable';
  let isTold = false;
  void reporter.put('a', { at: 1 }).then(() => {
    isTold = true;
  });
  await timers.advance(500);
  void reporter.put('a', { at: 2 });
  void reporter.put('a', { at: 3 });
  await timers.advance(5_000);
  expect([isTold, told]).toEqual([false, []]);
  state.code = undefined;
  await timers.advance(5_000);
  expect([isTold, told]).toEqual([true, ['{"at":3}']]);
});

test('what is refused is said once, and newer states are told', async () => {
  const { timers, told, refused, state, reporter } = world();
  state.code = 'bad-pod';
  await reporter.put('a', {});
  await timers.advance(60_000);
  expect(refused).toHaveLength(1);
  state.code = undefined;
  await reporter.put('a', { at: 2 });
  expect(told).toEqual(['{"at":2}']);
});

test('everything that still is, is told again; what is gone, is not', async () => {
  const { told, reporter } = world();
  await reporter.put('a', { a: 1 });
  await reporter.put('b', { b: 1 });
  await reporter.delete('b');
  expect([reporter.holds('a'), reporter.holds('b')]).toEqual([true, false]);
  told.length = 0;
  await reporter.resend();
  expect(told).toEqual(['{"a":1}']);
});

test('a farewell waits for what is on its way, but not for ever', async () => {
  const { timers, told, state, reporter } = world();
  state.code = 'control-plane-unreachable';
  void reporter.delete('a');
  let isClosed = false;
  void reporter.close(2_000).then(() => {
    isClosed = true;
  });
  await timers.advance(1_999);
  expect(isClosed).toBe(false);
  await timers.advance(1);
  expect(isClosed).toBe(true);
  state.code = undefined;
  await reporter.put('a', {});
  expect(told).toEqual([]);
});
