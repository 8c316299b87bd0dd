// Walks protobuf bytes in place. The rule: nothing is copied or decoded that nobody asks for.

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Calls back for each length-delimited field between two offsets; other fields are passed over, varints too. */
export function eachField(
  bytes: Buffer,
  { start, end }: Span,
  visit: (field: number, start: number, end: number) => void,
): void {
  let at = start;
  while (at < end) {
    const tag = readVarint(bytes, at);
    at = afterVarint(bytes, at);
    const wire = tag & 7;
    if (wire === 0) at = afterVarint(bytes, at);
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = readVarint(bytes, at);
      at = afterVarint(bytes, at);
      visit(tag >>> 3, at, at + length);
      at += length;
    } else throw new Error(`wire type ${wire} at ${at}`);
  }
}

export function readVarint(bytes: Buffer, at: number): number {
  let value = 0;
  let scale = 1;
  for (let i = at; ; i++) {
    const byte = bytes[i] ?? 0;
    value += (byte & 127) * scale;
    if (byte < 128) return value;
    scale *= 128;
  }
}

function afterVarint(bytes: Buffer, at: number): number {
  let i = at;
  while ((bytes[i] ?? 0) >= 128) i++;
  return i + 1;
}

export const text = (bytes: Buffer, start: number, end: number): string =>
  bytes.toString('latin1', start, end);
