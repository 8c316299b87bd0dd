// Time that all processes of one machine share: the monotonic clock, in milliseconds.

export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Waits until `isTrue`, looking every few milliseconds; false when the time is over. */
export async function until(
  isTrue: () => boolean | Promise<boolean>,
  limitMs: number,
  everyMs = 10,
): Promise<boolean> {
  const endMs = nowMs() + limitMs;
  while (!(await isTrue())) {
    if (nowMs() > endMs) return false;
    await pause(everyMs);
  }
  return true;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
