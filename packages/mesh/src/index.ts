// The public surface of mesh.
export { buildMesh } from './build-mesh.ts';
export type { Extension } from './extensions.ts';
export type { HostPort, MeshCollections, MeshInputs, ObjectsOf } from './inputs.ts';
export { lookUpName, type NameAnswer, type NameQuery } from './name-lookup.ts';
export type { AccessLogSettings, MeshSettings } from './settings.ts';
export { defaultSettings } from './settings.ts';
export { localityOfPod } from './workloads.ts';
