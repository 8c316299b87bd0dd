// Protobuf decoding for messages that come often: the same messages as `fromBinary` of protobuf-es gives, without asking the descriptor at every field. The rule: what is wrong there is wrong here; unknown fields are left out.
import { type DescMessage, type Message, type MessageShape, mergeFromBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { decoderOf } from './message-decoder.ts';
import { readText } from './read-text.ts';

/** Throws on bytes that are no message of the type, and on text that is no UTF-8. */
export function decode<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  const decoder = decoderOf(schema);
  const message = decoder.create();
  if (decoder.read === undefined) mergeFromBinary(schema, message as MessageShape<Desc>, bytes);
  else decoder.read({ reader: new BinaryReader(bytes, readText), bytes, depth: 0 }, message, bytes.length);
  return message as Message as MessageShape<Desc>;
}
