// Durations as Go writes them (`1h30m`, `1.5s`, `-250ms`), exact to the nanosecond. Rule: reads what Go's time.ParseDuration reads, and nothing else.

const unitNanoseconds: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  '\u00b5s': 1_000n,
  '\u03bcs': 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const part = /(\d*)(\.(\d*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y;

const limit = 1n << 63n;

/** Nanoseconds, or undefined when the text is no duration or does not fit 64 bits. */
export function parseGoDuration(text: string): bigint | undefined {
  const sign = /^[+-]?/.exec(text)?.[0] ?? '';
  const body = text.slice(sign.length);
  if (body === '0') return 0n;
  if (body === '' || body.length > 256) return undefined;
  let total = 0n;
  for (let at = 0; at < body.length; at = part.lastIndex) {
    part.lastIndex = at;
    const [found, whole = '', , fraction = '', unit = ''] = part.exec(body) ?? [];
    if (found === undefined || whole + fraction === '') return undefined;
    const scale = unitNanoseconds[unit] ?? 0n;
    total += BigInt(whole === '' ? 0 : whole) * scale;
    if (fraction !== '') total += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
  }
  if (total >= limit) return undefined;
  return sign === '-' ? -total : total;
}

/** `1h0m1.5s`, `19ms`, `0s`. */
export function formatGoDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  const sign = nanoseconds < 0n ? '-' : '';
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (size < 1_000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${decimal(size, 1_000n)}\u00b5s`;
  if (size < 1_000_000_000n) return `${sign}${decimal(size, 1_000_000n)}ms`;
  const hours = size / 3_600_000_000_000n;
  const minutes = (size / 60_000_000_000n) % 60n;
  const seconds = `${decimal(size % 60_000_000_000n, 1_000_000_000n)}s`;
  if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0n ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

function decimal(amount: bigint, unit: bigint): string {
  const rest = amount % unit;
  if (rest === 0n) return String(amount / unit);
  const digits = String(unit + rest)
    .slice(1)
    .replace(/0+$/, '');
  return `${amount / unit}.${digits}`;
}
