// Writes protobuf fields into one buffer of known size. The rule: lengths are computed first, so nothing is copied twice.

/** Bytes a varint takes; values up to 2^53. */
export function varintLength(value: number): number {
  let length = 1;
  let rest = value;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    length++;
  }
  return length;
}

/** Bytes of a length-delimited field with a field number below 16. */
export const fieldLength = (bodyLength: number): number => 1 + varintLength(bodyLength) + bodyLength;

export const textFieldLength = (text: string): number => fieldLength(Buffer.byteLength(text));

/** A buffer that is being filled from the front. */
export interface ProtoWriter {
  readonly buffer: Buffer;
  offset: number;
}

export const createWriter = (length: number): ProtoWriter => ({
  buffer: Buffer.allocUnsafe(length),
  offset: 0,
});

/** Tag and length of a length-delimited field; its body follows. */
export function writeFieldHead(writer: ProtoWriter, field: number, bodyLength: number): void {
  const { buffer } = writer;
  buffer[writer.offset++] = (field << 3) | 2;
  let rest = bodyLength;
  while (rest >= 0x80) {
    buffer[writer.offset++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  buffer[writer.offset++] = rest;
}

export function writeTextField(writer: ProtoWriter, field: number, text: string): void {
  writeFieldHead(writer, field, Buffer.byteLength(text));
  writer.offset += writer.buffer.write(text, writer.offset, 'utf8');
}

export function writeBytes(writer: ProtoWriter, bytes: Uint8Array): void {
  writer.buffer.set(bytes, writer.offset);
  writer.offset += bytes.byteLength;
}
