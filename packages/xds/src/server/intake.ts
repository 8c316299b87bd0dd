// What one stream may ask of the server over time: as much as any honest client at once, then a steady flow. The rule: a flood ends its own stream.

/** Amounts that are there at once, and what comes back each second. */
export interface IntakeLimits {
  readonly requestBurst: number;
  readonly requestsPerSecond: number;
  readonly intakeBurstBytes: number;
  readonly intakeBytesPerSecond: number;
}

export interface Intake {
  /** Takes one request; false when it is more than this stream may ask. */
  take(bytes: number, nowMs: number): boolean;
}

interface Bucket {
  left: number;
  readonly burst: number;
  readonly perSecond: number;
}

export function createIntake(limits: IntakeLimits, nowMs: number): Intake {
  const requests = bucketOf(limits.requestBurst, limits.requestsPerSecond);
  const received = bucketOf(limits.intakeBurstBytes, limits.intakeBytesPerSecond);
  let filledAtMs = nowMs;
  return {
    take(bytes, now) {
      const elapsedMs = Math.max(0, now - filledAtMs);
      filledAtMs = now;
      fill(requests, elapsedMs);
      fill(received, elapsedMs);
      requests.left -= 1;
      received.left -= bytes;
      return requests.left >= 0 && received.left >= 0;
    },
  };
}

const bucketOf = (burst: number, perSecond: number): Bucket => ({ left: burst, burst, perSecond });

function fill(bucket: Bucket, elapsedMs: number): void {
  bucket.left = Math.min(bucket.burst, bucket.left + (bucket.perSecond * elapsedMs) / 1_000);
}
