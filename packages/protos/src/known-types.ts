// The registry of all message types for code that may do no I/O itself: a program says once where the descriptors are.
import type { Registry } from '@bufbuild/protobuf';
import { apiRegistry } from './registry.ts';

let registry: (() => Registry) | undefined;

/** Called once by each program, before it reads configuration. `read` gives the bytes of `descriptors/envoy.binpb`; it runs at first need. */
export function provideDescriptors(read: () => Uint8Array): void {
  registry ??= apiRegistry(read);
}

/** Every message type that Envoy's API has; undefined in a program that has provided no descriptors. */
export const knownTypes = (): Registry | undefined => registry?.();
