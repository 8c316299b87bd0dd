// The public surface of @xebec/protos; generated modules are imported by their own paths, never from here.
export { anyOf, encodeAny, typeUrl } from './any.ts';
export { decode } from './decode.ts';
export { encode } from './encode.ts';
export { knownTypes, provideDescriptors } from './known-types.ts';
export { apiRegistry, toJsonText } from './registry.ts';
