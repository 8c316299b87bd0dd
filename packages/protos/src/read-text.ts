// UTF-8 as text. Most texts of a protocol are short and ASCII, which is quicker to find out than to ask for.
import { getTextEncoding } from '@bufbuild/protobuf/wire';

const short = 64;
const firstBeyondAscii = 0x80;

/** `isStrict`: throws on what is no UTF-8, instead of putting U+FFFD in its place. */
export function readText(bytes: Uint8Array, isStrict?: boolean): string {
  return (bytes.length <= short ? asciiText(bytes) : undefined) ?? decodeText(bytes, isStrict);
}

const decodeText = (bytes: Uint8Array, isStrict: boolean | undefined): string =>
  getTextEncoding().decodeUtf8(bytes, isStrict);

function asciiText(bytes: Uint8Array): string | undefined {
  for (const byte of bytes) if (byte >= firstBeyondAscii) return undefined;
  // In one piece: a text put together letter by letter is copied again where it is used.
  return Reflect.apply(String.fromCharCode, undefined, bytes);
}
