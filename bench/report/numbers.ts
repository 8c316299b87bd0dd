// Numbers for people: three significant digits and a unit.

const three = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

export const milliseconds = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value)
    ? '–'
    : value >= 10_000
      ? `${three(value / 1000)} s`
      : `${three(value)} ms`;

export const cpuTime = (seconds: number): string =>
  seconds >= 1 ? `${three(seconds)} s` : `${three(seconds * 1000)} ms`;

export function byteCount(bytes: number): string {
  if (bytes >= 1e9) return `${three(bytes / 1e9)} GB`;
  if (bytes >= 1e6) return `${three(bytes / 1e6)} MB`;
  if (bytes >= 1e3) return `${three(bytes / 1e3)} kB`;
  return `${bytes.toFixed(0)} B`;
}

export const count = (value: number): string =>
  Number.isInteger(value) ? value.toLocaleString('en-US') : value.toFixed(1);

export const ratio = (ours: number, theirs: number): string =>
  ours > 0 && theirs > 0 ? `${three(theirs / ours)}×` : '–';
