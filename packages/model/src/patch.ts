// Sets of patches to generated configuration, by reference: what they say is with the objects.
import type { ObjectKey } from './reference.ts';

/** One patch of an EnvoyFilter, by its position there. */
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
