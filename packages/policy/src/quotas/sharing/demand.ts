// How much a consumer asks for: counted in windows, and looked ahead to the end of the present one as if it went on like the last.

export interface DemandMeter {
  startMs: number;
  asked: number;
  before: number;
  /** The last amount asked for at once. */
  last: number;
}

export const startMeter = (nowMs: number, windowMs: number): DemandMeter => ({
  startMs: Math.floor(nowMs / windowMs) * windowMs,
  asked: 0,
  before: 0,
  last: 0,
});

export function advanceMeter(meter: DemandMeter, nowMs: number, windowMs: number): void {
  const passed = Math.floor((nowMs - meter.startMs) / windowMs);
  if (passed <= 0) return;
  meter.before = passed === 1 ? meter.asked : 0;
  meter.asked = 0;
  meter.startMs += passed * windowMs;
}

/** What will have been asked for when the window ends. */
export function expectedDemand(meter: DemandMeter, nowMs: number, windowMs: number): number {
  const rest = Math.min(1, Math.max(0, 1 - (nowMs - meter.startMs) / windowMs));
  return meter.asked + meter.before * rest;
}
