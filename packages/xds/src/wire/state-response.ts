// Encodes DiscoveryResponse (state of the world) around shared resource bytes; the nonce is appended last.
import type { EncodedResource, TypeUrl } from '../types.ts';
import { anyLength, writeAny } from './any-frame.ts';
import {
  createWriter,
  fieldLength,
  textFieldLength,
  writeFieldHead,
  writeTextField,
} from './proto-writer.ts';

const RESPONSE = { version: 1, resources: 2, typeUrl: 4 } as const;
/** The nonce has this field number in both response messages. */
const NONCE = 5;

export interface StateContent {
  readonly typeUrl: TypeUrl;
  readonly version: string;
  readonly resources: readonly EncodedResource[];
}

/** Everything of the response but its nonce. */
export function encodeStateBody(content: StateContent): Buffer {
  const { typeUrl, resources } = content;
  let total = textFieldLength(content.version) + textFieldLength(typeUrl);
  for (const resource of resources) total += fieldLength(anyLength(typeUrl, resource));
  const writer = createWriter(total);
  writeTextField(writer, RESPONSE.version, content.version);
  for (const resource of resources) {
    writeFieldHead(writer, RESPONSE.resources, anyLength(typeUrl, resource));
    writeAny(writer, typeUrl, resource);
  }
  writeTextField(writer, RESPONSE.typeUrl, typeUrl);
  return writer.buffer;
}

/** A body of either protocol with its nonce: the message as it travels. */
export function withNonce(body: Uint8Array, nonce: string): Buffer {
  const writer = createWriter(body.byteLength + textFieldLength(nonce));
  writer.buffer.set(body, 0);
  writer.offset = body.byteLength;
  writeTextField(writer, NONCE, nonce);
  return writer.buffer;
}
