// A deadline comes, whatever the garbage collector does meanwhile.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { withDeadline } from './deadline.ts';

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

test('ends work in time, also after garbage was collected', async () => {
  const outer = new AbortController();
  const work = withDeadline(outer.signal, 200, aborted).catch(String);
  collect();
  setTimeout(collect, 50);
  expect(await work).toBe('Error: did not answer in 200 ms');
});

test('ends it when the caller gives up, before or meanwhile', async () => {
  const outer = new AbortController();
  const work = withDeadline(outer.signal, 60_000, aborted).catch(String);
  outer.abort(new Error('enough'));
  expect(await work).toBe('Error: enough');
  const late = withDeadline(outer.signal, 60_000, async (signal) => signal.aborted);
  expect(await late).toBe(true);
});
