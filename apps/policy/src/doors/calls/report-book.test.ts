// Reports that are tried again are taken once.
import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { refusal } from '../rpc/refusal.ts';
import { ReportBook } from './report-book.ts';

const taking = () => {
  let times = 0;
  return { take: async () => ({ accepted: 3, dropped: ++times }), times: () => times };
};

it('[MX-2] takes a report once, also when it is tried again while it is taken', async () => {
  const book = new ReportBook(() => 0);
  const { take, times } = taking();
  const answers = await Promise.all([book.once('a', take), book.once('a', take)]);
  expect([...answers, await book.once('a', take)]).toEqual([
    { accepted: 3, dropped: 1 },
    { accepted: 3, dropped: 1, isRepeated: true },
    { accepted: 3, dropped: 1, isRepeated: true },
  ]);
  expect(times()).toBe(1);
});

it('takes reports without an id, with another, and after its time', async () => {
  let now = 0;
  const book = new ReportBook(() => now, { rememberedMs: 10, reports: 2 });
  const { take, times } = taking();
  await book.once('', take);
  await book.once('', take);
  await book.once('a', take);
  await book.once('b', take);
  expect(times()).toBe(4);
  now = 11;
  await book.once('a', take);
  expect(times()).toBe(5);
  for (const id of ['c', 'd', 'a']) await book.once(id, take);
  expect(times()).toBe(8);
});

it('may be tried again after it was refused', async () => {
  const book = new ReportBook(() => 0);
  const { take, times } = taking();
  await book.once('a', async () => refusal(status.INVALID_ARGUMENT, 'no'));
  await book.once('a', take);
  expect(times()).toBe(1);
});
