// The params of a handler as an adapter outside gets them: its own message `Params` where the adapter resource describes it, a Struct otherwise.
import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
} from '@bufbuild/protobuf';
import { type Any, FileDescriptorSetSchema, StringValueSchema, StructSchema } from '@bufbuild/protobuf/wkt';
import { anyOf, encodeAny, typeUrl } from '@xebec/protos';

/** Throws with what is wrong when the params do not fit their description. */
export function adapterConfig(config: string, params: unknown): Any {
  const value = toJson(params ?? {});
  if (config === '') return encodeAny(StructSchema, fromJson(StructSchema, value));
  const described = paramsMessage(config);
  try {
    const bytes = toBinary(described, fromJson(described, value));
    return { $typeName: 'google.protobuf.Any', typeUrl: typeUrl(described), value: bytes };
  } catch (error) {
    throw new Error(`params are not a ${described.typeName}: ${messageOf(error)}`);
  }
}

/** What an adapter with sessions gets in its place. */
export const sessionConfig = (id: string): Any => anyOf(StringValueSchema, { value: id });

/** `Params` of the last file that has one: files come after what they import. */
function paramsMessage(config: string): DescMessage {
  const set = readSet(config);
  const registry = createFileRegistry(set);
  for (const { name } of set.file.toReversed()) {
    const found = registry.getFile(name)?.messages.find((message) => message.name === 'Params');
    if (found !== undefined) return found;
  }
  throw new Error('the config of the adapter describes no message "Params"');
}

function readSet(config: string) {
  try {
    return fromBinary(FileDescriptorSetSchema, Buffer.from(config, 'base64'));
  } catch {
    throw new Error('the config of the adapter is no FileDescriptorSet in base64');
  }
}

function toJson(value: unknown): JsonValue {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return null;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toJson(inner)]));
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
