// Where a resource is: whose it is and which ways of naming it its proxies have. Matching notes how far each patch came.

import type { Registry } from '@bufbuild/protobuf';
import type { PatchContext } from '@xebec/config';
import type { ReadyPatch } from './program.ts';

/** How near a patch came to a place: the further, the higher the depth. */
export interface NearMiss {
  readonly depth: number;
  /** What was looked for in vain: `HTTP filter`. */
  readonly what: string;
  /** What was there instead. */
  readonly seen: string;
}

export interface Place {
  readonly role: 'sidecar' | 'router';
  readonly registry: Registry;
  /** A Gateway's port → the port that the proxy binds for it. */
  readonly gatewayPorts: Readonly<Record<number, number>>;
  /** Gateways by the route configuration they share, each `NAMESPACE/NAME`. */
  readonly gateways: ReadonlyMap<string, readonly string[]>;
  /** Told of every patch that was applied somewhere. */
  readonly hit: (patch: ReadyPatch) => void;
  /** Told of every condition that was not met. */
  readonly miss?: (patch: ReadyPatch, miss: NearMiss) => void;
}

export type Side = Exclude<PatchContext, 'ANY'>;

export function isInContext(ready: ReadyPatch, side: Side): boolean {
  const { context } = ready.patch.match;
  return context === 'ANY' || context === side;
}

/** One condition: an absent one is met. */
export function fits<T>(wanted: T | undefined, isMet: (wanted: T) => boolean): boolean {
  return wanted === undefined || isMet(wanted);
}
