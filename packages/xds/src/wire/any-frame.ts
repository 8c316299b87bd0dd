// Frames a shared encoded resource as google.protobuf.Any. The rule: resource bytes are copied as they are, never re-encoded.
import type { EncodedResource, TypeUrl } from '../types.ts';
import {
  fieldLength,
  type ProtoWriter,
  textFieldLength,
  writeBytes,
  writeFieldHead,
  writeTextField,
} from './proto-writer.ts';

const ANY_TYPE_URL = 1;
const ANY_VALUE = 2;

function chunksLength(chunks: readonly Uint8Array[]): number {
  let length = 0;
  for (const chunk of chunks) length += chunk.byteLength;
  return length;
}

/** Bytes of the Any message around a resource. */
export const anyLength = (typeUrl: TypeUrl, resource: EncodedResource): number =>
  textFieldLength(typeUrl) + fieldLength(chunksLength(resource.chunks));

export function writeAny(writer: ProtoWriter, typeUrl: TypeUrl, resource: EncodedResource): void {
  writeTextField(writer, ANY_TYPE_URL, typeUrl);
  writeFieldHead(writer, ANY_VALUE, chunksLength(resource.chunks));
  for (const chunk of resource.chunks) writeBytes(writer, chunk);
}
