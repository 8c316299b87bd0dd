// Encodes messages of protobuf-es several times faster than its own `toBinary`; equal messages give equal bytes.
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { BackwardWriter } from './backward-writer.ts';
import { codecOf, writeMessage } from './message-codec.ts';

const writer = new BackwardWriter();

/**
 * The message in the binary format: fields by number, map entries by key, then unknown fields.
 * Throws only on bugs: a message of another type, a number out of its field's range, a required field not set.
 */
export function encode<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array {
  if (message.$typeName !== schema.typeName) {
    throw new TypeError(`cannot encode ${message.$typeName} as ${schema.typeName}`);
  }
  writer.reset();
  writeMessage(writer, codecOf(schema), message);
  return writer.finish();
}
