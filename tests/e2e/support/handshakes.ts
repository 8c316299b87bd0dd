// A mesh in which every request is a handshake: what is wrong with a certificate shows at the next call.
import { type Mesh, type MeshOptions, repositoryFile, startMesh } from './mesh.ts';

export async function startHandshakingMesh(options: Partial<MeshOptions> = {}): Promise<Mesh> {
  const mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')], ...options });
  await mesh.apply(`apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo}
spec:
  host: echo
  trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}
`);
  return mesh;
}
