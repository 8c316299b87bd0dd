// Messages from outside. Text that is no UTF-8 spoils the attribute it is in and not the whole message: it is read with U+FFFD in it, and left out later.
import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { configureTextEncoding, getTextEncoding } from '@bufbuild/protobuf/wire';
import { decode } from '@xebec/protos';

/** Undefined: not a message of this type. */
export function decodeMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> | undefined {
  try {
    return decode(schema, bytes);
  } catch {
    return decodeLeniently(schema, bytes);
  }
}

/** The library knows only one way to read text at a time; nothing else runs until it is as before. */
function decodeLeniently<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> | undefined {
  const strict = getTextEncoding();
  configureTextEncoding({ ...strict, decodeUtf8: (text) => strict.decodeUtf8(text) });
  try {
    return fromBinary(schema, bytes);
  } catch {
    return undefined;
  } finally {
    configureTextEncoding(strict);
  }
}
