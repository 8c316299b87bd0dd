// The public surface of envoy: the translators as one function, and what a proxy sees of their output.
export type { EnvoyCollections, ResourceCollection } from './build.ts';
export { buildResources } from './build.ts';
export type { ProxySettings, ResourceInputs } from './inputs.ts';
export { httpProxyRoute } from './names.ts';
export { nearMisses, type PatchCollections } from './patches/build-patches.ts';
export type { PatchGate } from './patches/gate.ts';
export { patchBootstrap } from './patches/patch-bootstrap.ts';
export type { PatchedResource } from './patches/patch-resource.ts';
export type { EncodedResource, ResourceKey, ResourceReference } from './resource.ts';
export { typeUrls } from './resource.ts';
export { encodeUnknownHost } from './routes/unknown-hosts.ts';
export { workloadEnvironment } from './telemetry/peer.ts';
export type { UdpService } from './udp/names.ts';
export { explicitUdpPort, placeUdpServices } from './udp/names.ts';
export { piecesOf, type ResourcePiece } from './validation/pieces.ts';
export { type CheckedResource, validationBootstrap } from './validation/validation-bootstrap.ts';
export type { LayerUse, ProxyView } from './views.ts';
export { candidates } from './views.ts';
