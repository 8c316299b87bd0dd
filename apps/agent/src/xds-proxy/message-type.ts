// The resource type of a discovery message, without decoding the rest of it: most messages pass unread.

const decoder = new TextDecoder();

/** Numbers of the field `type_url` in delta requests and responses. */
export const typeFieldOf = { request: 2, response: 4 } as const;

/** Undefined when the message has no such field, or is none. */
export function typeIn(message: Uint8Array, field: number): string | undefined {
  for (let at = 0; at < message.length; ) {
    const [tag, afterTag] = varint(message, at);
    const [length, start] = varint(message, afterTag);
    const kind = tag & 7;
    if (kind === 2 && tag >>> 3 === field) return decoder.decode(message.subarray(start, start + length));
    if (kind === 0) at = start;
    else if (kind === 2) at = start + length;
    else return undefined;
  }
  return undefined;
}

/** Lengths and tags are below 2³². */
function varint(bytes: Uint8Array, start: number): readonly [value: number, end: number] {
  let value = 0;
  for (let at = start, factor = 1; at < bytes.length; at++, factor *= 128) {
    const byte = bytes[at] ?? 0;
    value += (byte & 127) * factor;
    if (byte < 128) return [value, at + 1];
  }
  return [value, bytes.length];
}
