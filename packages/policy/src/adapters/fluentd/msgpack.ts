// The part of MessagePack that the forward protocol needs: what is written is JSON-like with times, what is read is one small map of texts.
const encoder = new TextEncoder();

/** A time with nanoseconds, as the forward protocol has it: extension 0. */
export class EventTime {
  readonly nanoseconds: bigint;
  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }
}

/** Appends bytes; grows by doubling. */
class Writer {
  #bytes = new Uint8Array(1_024);
  #length = 0;

  get written(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** `size` bytes of a whole number behind a first byte. */
  head(first: number, size: 0 | 1 | 2 | 4, value = 0): void {
    const at = this.#room(1 + size);
    this.#bytes[at] = first;
    const view = new DataView(this.#bytes.buffer);
    if (size === 1) view.setUint8(at + 1, value);
    if (size === 2) view.setUint16(at + 1, value);
    if (size === 4) view.setUint32(at + 1, value);
  }

  double(value: number): void {
    const at = this.#room(9);
    this.#bytes[at] = 0xcb;
    new DataView(this.#bytes.buffer).setFloat64(at + 1, value);
  }

  long(value: bigint): void {
    const at = this.#room(9);
    this.#bytes[at] = 0xd3;
    new DataView(this.#bytes.buffer).setBigInt64(at + 1, value);
  }

  time({ nanoseconds }: EventTime): void {
    const at = this.#room(10);
    this.#bytes.set([0xd7, 0x00], at);
    const view = new DataView(this.#bytes.buffer);
    view.setUint32(at + 2, Number((nanoseconds / 1_000_000_000n) & 0xffff_ffffn));
    view.setUint32(at + 6, Number(nanoseconds % 1_000_000_000n));
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  #room(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return at;
  }
}

/** Undefined fields of maps are left out. */
export function packed(value: unknown): Uint8Array {
  const writer = new Writer();
  write(writer, value);
  return writer.written;
}

function write(writer: Writer, value: unknown): void {
  if (value === null || value === undefined) writer.head(0xc0, 0);
  else if (typeof value === 'boolean') writer.head(value ? 0xc3 : 0xc2, 0);
  else if (typeof value === 'number') writeNumber(writer, value);
  else if (typeof value === 'bigint') writer.long(BigInt.asIntN(64, value));
  else if (typeof value === 'string') writeText(writer, value);
  else if (value instanceof EventTime) writer.time(value);
  else if (Array.isArray(value)) writeList(writer, value);
  else writeMap(writer, Object.entries(value));
}

const writeNumber = (writer: Writer, value: number): void =>
  Number.isSafeInteger(value) && !Object.is(value, -0) ? writer.long(BigInt(value)) : writer.double(value);

function writeText(writer: Writer, text: string): void {
  const bytes = encoder.encode(text);
  if (bytes.length < 32) writer.head(0xa0 | bytes.length, 0);
  else writer.head(0xdb, 4, bytes.length);
  writer.raw(bytes);
}

function writeList(writer: Writer, items: readonly unknown[]): void {
  if (items.length < 16) writer.head(0x90 | items.length, 0);
  else writer.head(0xdd, 4, items.length);
  for (const item of items) write(writer, item);
}

function writeMap(writer: Writer, entries: readonly (readonly [string, unknown])[]): void {
  const told = entries.filter(([, value]) => value !== undefined);
  if (told.length < 16) writer.head(0x80 | told.length, 0);
  else writer.head(0xdf, 4, told.length);
  for (const [name, value] of told) {
    writeText(writer, name);
    write(writer, value);
  }
}
