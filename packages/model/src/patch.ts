// Sets of patches to generated configuration, by reference: what they say is with the objects.
import type { ObjectKey } from './reference.ts';

/** Where extensions put their filter; the positions of their patches. */
export const extensionSides = ['SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY'] as const;
export type ExtensionSide = (typeof extensionSides)[number];

/** One patch of an EnvoyFilter, or the filter of an extension on one side, by its position there. */
export interface PatchReference {
  readonly object: ObjectKey;
  readonly position: number;
}

/** The patches that apply to some proxies, in order. Equal ids are equal sets. */
export interface PatchSet {
  readonly id: string;
  readonly role: 'sidecar' | 'router';
  readonly patches: readonly PatchReference[];
}
