// Encodes DeltaDiscoveryResponse around shared resource bytes. The rule: the nonce is appended last, so that many streams share one body.
import type { EncodedResource, TypeUrl } from '../types.ts';
import { anyLength, writeAny } from './any-frame.ts';
import {
  createWriter,
  fieldLength,
  type ProtoWriter,
  textFieldLength,
  writeFieldHead,
  writeTextField,
} from './proto-writer.ts';

const RESPONSE = { version: 1, resources: 2, typeUrl: 4, removed: 6 } as const;
const RESOURCE = { version: 1, body: 2, name: 3, aliases: 4 } as const;

/** Version of the answer that a name does not exist. */
export const ABSENT_VERSION = 'absent';

/** One resource of a delta response; `aliases` are sent besides the resource's own. */
export interface DeltaItem {
  readonly resource: EncodedResource;
  readonly aliases: readonly string[];
}

export interface DeltaContent {
  readonly typeUrl: TypeUrl;
  readonly version: string;
  readonly items: readonly DeltaItem[];
  /** Asked names that do not exist: a resource without body under that name and alias. */
  readonly absent: readonly string[];
  readonly removed: readonly string[];
}

function itemLength(typeUrl: TypeUrl, item: DeltaItem): number {
  const { resource } = item;
  let length = textFieldLength(resource.hash) + fieldLength(anyLength(typeUrl, resource));
  length += textFieldLength(resource.name);
  for (const alias of resource.aliases) length += textFieldLength(alias);
  for (const alias of item.aliases) length += textFieldLength(alias);
  return length;
}

function writeItem(writer: ProtoWriter, typeUrl: TypeUrl, item: DeltaItem): void {
  const { resource } = item;
  writeTextField(writer, RESOURCE.version, resource.hash);
  writeFieldHead(writer, RESOURCE.body, anyLength(typeUrl, resource));
  writeAny(writer, typeUrl, resource);
  writeTextField(writer, RESOURCE.name, resource.name);
  for (const alias of resource.aliases) writeTextField(writer, RESOURCE.aliases, alias);
  for (const alias of item.aliases) writeTextField(writer, RESOURCE.aliases, alias);
}

const absentLength = (name: string): number => textFieldLength(ABSENT_VERSION) + 2 * textFieldLength(name);

function writeAbsent(writer: ProtoWriter, name: string): void {
  writeTextField(writer, RESOURCE.version, ABSENT_VERSION);
  writeTextField(writer, RESOURCE.name, name);
  writeTextField(writer, RESOURCE.aliases, name);
}

/** Bytes that one resource adds to a response. */
export const deltaItemLength = (typeUrl: TypeUrl, item: DeltaItem): number =>
  fieldLength(itemLength(typeUrl, item));

/** Everything of the response but its nonce. */
export function encodeDeltaBody(content: DeltaContent): Buffer {
  const { typeUrl, items, absent, removed } = content;
  const lengths = items.map((item) => itemLength(typeUrl, item));
  let total = textFieldLength(content.version) + textFieldLength(typeUrl);
  for (const length of lengths) total += fieldLength(length);
  for (const name of absent) total += fieldLength(absentLength(name));
  for (const name of removed) total += textFieldLength(name);
  const writer = createWriter(total);
  writeTextField(writer, RESPONSE.version, content.version);
  items.forEach((item, i) => {
    writeFieldHead(writer, RESPONSE.resources, lengths[i] ?? 0);
    writeItem(writer, typeUrl, item);
  });
  for (const name of absent) {
    writeFieldHead(writer, RESPONSE.resources, absentLength(name));
    writeAbsent(writer, name);
  }
  writeTextField(writer, RESPONSE.typeUrl, typeUrl);
  for (const name of removed) writeTextField(writer, RESPONSE.removed, name);
  return writer.buffer;
}
