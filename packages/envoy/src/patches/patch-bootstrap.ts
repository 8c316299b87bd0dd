// Patches of the bootstrap that a proxy starts with: merged into what its agent made, in their order.
import { fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf';
import { type ConfigPatch, readPayload } from '@xebec/config';
import { knownTypes } from '@xebec/protos';
import { BootstrapSchema } from '@xebec/protos/envoy/config/bootstrap/v3/bootstrap_pb';
import { mergeMessages } from './merge-messages.ts';

interface PatchedBootstrap {
  /** Protobuf JSON. */
  readonly json: JsonValue;
  readonly bytes: Uint8Array;
}

/** Undefined when the bootstrap is none that this version knows. */
export function patchBootstrap(
  bootstrap: JsonValue,
  patches: readonly Pick<ConfigPatch, 'value'>[],
): PatchedBootstrap | undefined {
  const registry = knownTypes();
  if (registry === undefined) return undefined;
  try {
    const message = fromJson(BootstrapSchema, bootstrap, { registry });
    for (const { value } of patches) {
      const payload = value === undefined ? undefined : readPayload('BOOTSTRAP', value, registry);
      if (payload?.ok === true) mergeMessages(message, payload.message, registry);
    }
    const json = toJson(BootstrapSchema, message, { registry, useProtoFieldName: true });
    return { json, bytes: toBinary(BootstrapSchema, message) };
  } catch {
    return undefined;
  }
}
