// Patches made ready to be applied, in order. The rule: a value is decoded anew for each place, since what it becomes part of is changed later.

import {
  type DescMessage,
  fromBinary,
  type JsonValue,
  type Message,
  type Registry,
} from '@bufbuild/protobuf';
import { type ConfigPatch, type EnvoyFilterSpec, type PatchTarget, readPayload } from '@xebec/config';
import type { ObjectKey } from '@xebec/model';
import { encode } from '@xebec/protos';
import type { Insertion } from '../extensions/insertion.ts';
import { type ResourceReference, typeUrls } from '../resource.ts';

export interface ReadyPatch {
  /** `EnvoyFilter/NAMESPACE/NAME#spec.configPatches[0]`. */
  readonly id: string;
  readonly object: ObjectKey;
  readonly patch: ConfigPatch;
  /** The filter of an extension, which finds its place by itself; its patch only says what it may change. */
  readonly insertion?: Insertion;
  /** The value as a message of its own; only for patches that have one. */
  value(): Message;
  /** The same, encoded. */
  bytes(): Uint8Array;
  readonly needs: readonly ResourceReference[];
}

/** Everything that is done to the configuration of the proxies of one patch set. */
export interface PatchProgram {
  readonly role: 'sidecar' | 'router';
  readonly patches: readonly ReadyPatch[];
}

export const patchId = (object: ObjectKey, position: number): string =>
  `${object}#spec.configPatches[${position}]`;

/** The patches of an object; those whose value Envoy has no type for are left out (they were refused when written). */
export function readyPatches(
  object: ObjectKey,
  spec: EnvoyFilterSpec,
  registry: Registry,
): readonly (ReadyPatch | undefined)[] {
  return spec.patches.map((patch, position) => {
    const value = payloadOf(patch, registry);
    if (value === undefined && patch.operation !== 'REMOVE') return undefined;
    return {
      id: patchId(object, position),
      object,
      patch,
      value: () => {
        const { schema, bytes } = present(value, patch);
        return fromBinary(schema, bytes);
      },
      bytes: () => present(value, patch).bytes,
      needs: patch.value === undefined ? [] : clustersIn(patch.value),
    };
  });
}

interface Value {
  readonly schema: DescMessage;
  readonly bytes: Uint8Array;
}

function present(value: Value | undefined, { operation }: ConfigPatch): Value {
  if (value === undefined) throw new TypeError(`${operation} has no value`);
  return value;
}

function payloadOf({ applyTo, value }: ConfigPatch, registry: Registry): Value | undefined {
  const payload = value === undefined ? undefined : readPayload(applyTo, value, registry);
  if (payload?.ok !== true) return undefined;
  return { schema: payload.schema, bytes: encode(payload.schema, payload.message) };
}

/** Clusters of the mesh that a value names: who gets the value needs them. */
function clustersIn(value: JsonValue | undefined): readonly ResourceReference[] {
  if (typeof value === 'string') {
    return value.startsWith('outbound|') ? [{ typeUrl: typeUrls.cluster, name: value }] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((inner) => clustersIn(inner as JsonValue));
}

const targetTypes: Readonly<Record<PatchTarget, readonly string[]>> = {
  LISTENER: [typeUrls.listener],
  LISTENER_FILTER: [typeUrls.listener],
  FILTER_CHAIN: [typeUrls.listener],
  NETWORK_FILTER: [typeUrls.listener],
  HTTP_FILTER: [typeUrls.listener],
  // Inbound route configurations are part of their listeners.
  ROUTE_CONFIGURATION: [typeUrls.listener, typeUrls.route],
  VIRTUAL_HOST: [typeUrls.listener, typeUrls.route, typeUrls.virtualHost],
  HTTP_ROUTE: [typeUrls.listener, typeUrls.route, typeUrls.virtualHost],
  CLUSTER: [typeUrls.cluster],
  EXTENSION_CONFIG: [typeUrls.extension],
  BOOTSTRAP: [],
};

/** The resource types that a patch may change. */
export const typesOf = ({ applyTo }: ConfigPatch): readonly string[] => targetTypes[applyTo];
