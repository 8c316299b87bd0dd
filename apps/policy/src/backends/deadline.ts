// Work that ends in time or when its caller gives up. Rule: the timer holds the signal; of `AbortSignal.any` with a time-out Node 20 may collect the time-out as garbage, and then it never comes.

export async function withDeadline<T>(
  outer: AbortSignal,
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const giveUp = (): void => controller.abort(outer.reason);
  const timer = setTimeout(
    () => controller.abort(new Error(`did not answer in ${milliseconds} ms`)),
    milliseconds,
  );
  if (outer.aborted) giveUp();
  outer.addEventListener('abort', giveUp, { once: true });
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', giveUp);
  }
}
