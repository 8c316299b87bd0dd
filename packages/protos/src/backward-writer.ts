// A protobuf wire writer that fills its buffer from the end, so that a length is known before it is written.
// Callers write the last thing first: value, then length, then tag.

const initialSize = 1 << 18;
const keptSize = 1 << 22;
/** Below this a loop over char codes beats a call into the runtime. */
const shortString = 96;
const largestFloat = 3.4028234663852886e38;

/** One scratch buffer; `reset` starts a message and `finish` copies it out. Not re-entrant. */
export class BackwardWriter {
  private buffer: Buffer = Buffer.allocUnsafeSlow(initialSize);
  /** Of the first byte written; it decreases. */
  private index = initialSize;

  /**
   * Minus the number of bytes written: the difference of two positions is a length, also when the buffer has grown in
   * between, which moves every index.
   */
  get position(): number {
    return this.index - this.buffer.length;
  }

  reset(): void {
    if (this.buffer.length > keptSize) this.buffer = Buffer.allocUnsafeSlow(initialSize);
    this.index = this.buffer.length;
  }

  /** The bytes since `reset`, in memory of their own. */
  finish(): Uint8Array {
    return new Uint8Array(this.buffer.buffer).slice(this.index);
  }

  private reserve(size: number): void {
    if (this.index >= size) return;
    const used = this.buffer.length - this.index;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, used + size));
    this.buffer.copy(grown, grown.length - used, this.index);
    this.index = grown.length - used;
    this.buffer = grown;
  }

  /** Closes a length-delimited field whose content ends at `end`. */
  delimit(end: number, tag: number): void {
    this.varint(end - this.position);
    this.varint(tag);
  }

  /** An unsigned number below 2^32; not checked, for lengths and tags. */
  varint(value: number): void {
    this.reserve(5);
    if (value < 0x80) {
      this.buffer[--this.index] = value;
      return;
    }
    let at = this.index - varintSize(value);
    this.index = at;
    let rest = value;
    while (rest > 0x7f) {
      this.buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[at] = rest;
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) throw new RangeError(`not an unsigned 32-bit integer: ${value}`);
    this.varint(value);
  }

  int32(value: number): void {
    if ((value | 0) !== value) throw new RangeError(`not a 32-bit integer: ${value}`);
    if (value >= 0) this.varint(value);
    else this.longVarint(BigInt.asUintN(64, BigInt(value)));
  }

  sint32(value: number): void {
    if ((value | 0) !== value) throw new RangeError(`not a 32-bit integer: ${value}`);
    this.varint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  int64(value: bigint): void {
    this.longVarint(BigInt.asUintN(64, signed64(value)));
  }

  uint64(value: bigint): void {
    this.longVarint(unsigned64(value));
  }

  sint64(value: bigint): void {
    this.longVarint(BigInt.asUintN(64, (signed64(value) << 1n) ^ (value >> 63n)));
  }

  private longVarint(value: bigint): void {
    if (value <= 0xffffffffn) {
      this.varint(Number(value));
      return;
    }
    const groups: number[] = [];
    for (let rest = value; rest > 0n; rest >>= 7n) groups.push(Number(rest & 0x7fn));
    this.reserve(groups.length);
    let continuation = 0;
    for (const group of groups.reverse()) {
      this.buffer[--this.index] = group | continuation;
      continuation = 0x80;
    }
  }

  bool(value: boolean): void {
    this.reserve(1);
    this.buffer[--this.index] = value ? 1 : 0;
  }

  fixed32(value: number): void {
    this.reserve(4);
    this.index = this.buffer.writeUInt32LE(value, this.index - 4) - 4;
  }

  sfixed32(value: number): void {
    this.reserve(4);
    this.index = this.buffer.writeInt32LE(value, this.index - 4) - 4;
  }

  fixed64(value: bigint): void {
    this.reserve(8);
    this.index = this.buffer.writeBigUInt64LE(unsigned64(value), this.index - 8) - 8;
  }

  sfixed64(value: bigint): void {
    this.reserve(8);
    this.index = this.buffer.writeBigInt64LE(signed64(value), this.index - 8) - 8;
  }

  float(value: number): void {
    if (Number.isFinite(value) && Math.abs(value) > largestFloat) {
      throw new RangeError(`beyond the range of a float: ${value}`);
    }
    this.reserve(4);
    this.index = this.buffer.writeFloatLE(value, this.index - 4) - 4;
  }

  double(value: number): void {
    this.reserve(8);
    this.index = this.buffer.writeDoubleLE(value, this.index - 8) - 8;
  }

  /** Bytes as they are, without a length. */
  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.index -= value.length;
    this.buffer.set(value, this.index);
  }

  /** Length and bytes. */
  bytes(value: Uint8Array): void {
    this.raw(value);
    this.varint(value.length);
  }

  /** Length and UTF-8 bytes; a lone surrogate becomes U+FFFD. */
  string(value: string): void {
    if (value.length < shortString && this.ascii(value)) return;
    const size = Buffer.byteLength(value);
    this.reserve(size);
    this.index -= size;
    this.buffer.write(value, this.index, size, 'utf8');
    this.varint(size);
  }

  /** Writes a string of ASCII only; false, having written nothing, when it is not. */
  private ascii(value: string): boolean {
    const size = value.length;
    this.reserve(size);
    const { buffer } = this;
    const start = this.index - size;
    for (let index = 0; index < size; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) return false;
      buffer[start + index] = code;
    }
    this.index = start;
    this.varint(size);
    return true;
  }
}

function varintSize(value: number): number {
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  return value < 0x10000000 ? 4 : 5;
}

function signed64(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw new RangeError(`not a 64-bit integer: ${value}`);
  return value;
}

function unsigned64(value: bigint): bigint {
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`not an unsigned 64-bit integer: ${value}`);
  return value;
}
