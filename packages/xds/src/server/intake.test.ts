// What a stream may ask over time.
import { expect, it } from 'vitest';
import { createIntake } from './intake.ts';

const limits = { requestBurst: 3, requestsPerSecond: 1, intakeBurstBytes: 100, intakeBytesPerSecond: 10 };

it('is a burst, then a steady flow of requests', () => {
  const intake = createIntake(limits, 0);
  expect([1, 1, 1, 1].map((bytes) => intake.take(bytes, 0))).toEqual([true, true, true, false]);
  expect(intake.take(1, 5_000)).toBe(true);
});

it('is a burst, then a steady flow of bytes, also where a clock goes back', () => {
  const intake = createIntake(limits, 1_000);
  expect(intake.take(100, 1_000)).toBe(true);
  expect(intake.take(10, 1_500)).toBe(false);
  expect(intake.take(0, 500)).toBe(false);
  expect(intake.take(10, 3_000)).toBe(true);
});
