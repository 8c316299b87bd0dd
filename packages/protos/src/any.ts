// Packs messages into google.protobuf.Any with the type URLs Envoy expects.
import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { encode } from './encode.ts';

/** The type URL of a message type, which is also the name of its xDS collection. */
export function typeUrl(schema: DescMessage): string {
  return `type.googleapis.com/${schema.typeName}`;
}

/** The message packed for a field of type Any. */
export function encodeAny<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Any {
  return create(AnySchema, { typeUrl: typeUrl(schema), value: encode(schema, message) });
}

/** Makes a message from its set fields and packs it. */
export function anyOf<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return encodeAny(schema, create(schema, init));
}
