// Encoded resources as plain data that people read: canonical protobuf JSON, telemetry left out unless it is the matter.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import { apiRegistry, toJsonText } from '@xebec/protos';
import type { EncodedResource } from '../resource.ts';
import { bytesOf } from './config-mesh.ts';

export const registry = apiRegistry(() =>
  readFileSync(fileURLToPath(import.meta.resolve('@xebec/protos/descriptors/envoy.binpb'))),
);

/** The message of a resource as JSON data. */
export function readable(typeUrl: string, resource: EncodedResource): unknown {
  if (resource.isAbsent === true) return 'removed';
  const schema = registry().getMessage(typeUrl.slice(typeUrl.indexOf('/') + 1));
  if (schema === undefined) throw new Error(`no message ${typeUrl}`);
  return JSON.parse(toJsonText(registry(), schema, fromBinary(schema, bytesOf(resource))));
}

const same = new Set(['accessLogOptions']);
/** Filters that every chain of their kind has. */
const usual: ReadonlySet<unknown> = new Set(['envoy.filters.http.header_to_metadata', 'xebec.one-identity']);

/** Key sets are JSON in a text: they are shown as what they hold. */
const keysIn = (value: unknown): unknown =>
  typeof value === 'string' && value.startsWith('{"keys":') ? JSON.parse(value) : value;

/** Without what is the same everywhere: logs and metrics of listeners, and where secrets of the agent come from. */
export function brief(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((each) => !usual.has(nameOf(each))).map(brief);
  if (typeof value !== 'object' || value === null) return keysIn(value);
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, key === 'accessLog' ? auditLogsIn(inner) : inner] as const)
    .filter(([key, inner]) => inner !== undefined && !same.has(key) && !isAgent(key, inner));
  return Object.fromEntries(kept.map(([key, inner]) => [key, brief(inner)]));
}

/** Logs that are only where somebody asked for them. */
function auditLogsIn(logs: unknown): readonly unknown[] | undefined {
  const found = Array.isArray(logs) ? logs.filter((log) => JSON.stringify(log).includes('xebec.audit')) : [];
  return found.length === 0 ? undefined : found;
}

const nameOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined;

const isAgent = (key: string, value: unknown): boolean =>
  key === 'sdsConfig' && typeof value === 'object' && value !== null && 'apiConfigSource' in value;
