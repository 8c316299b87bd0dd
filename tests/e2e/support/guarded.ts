// A mesh to be guarded by policies: a server of every protocol, a client that may come in, and a stranger that may not.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { envoyAdmin } from './envoy-admin.ts';
import { type Mesh, repositoryFile, startMesh, until } from './mesh.ts';

const stranger = `apiVersion: v1
kind: ServiceAccount
metadata: {name: stranger}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stranger}
spec:
  selector: {matchLabels: {app: stranger}}
  template:
    metadata: {labels: {app: stranger}}
    spec: {serviceAccountName: stranger, containers: [{name: client, image: "xebec.test/echo:1"}]}
`;

const datagrams = `apiVersion: local.xebec.io/v1alpha1
kind: LocalImages
images: [{image: "xebec.test/udp:1", command: [node, ${repositoryFile('tests/e2e/apps/udp/udp.mjs')}]}]
---
apiVersion: v1
kind: Service
metadata: {name: datagrams}
spec: {selector: {app: datagrams}, ports: [{name: udp, protocol: UDP, port: 9001}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: datagrams}
spec:
  selector: {matchLabels: {app: datagrams}}
  template:
    metadata: {labels: {app: datagrams}}
    spec:
      containers: [{name: echo, image: "xebec.test/udp:1", ports: [{containerPort: 9001, protocol: UDP}]}]
`;

export interface GuardedMesh {
  readonly mesh: Mesh;
  /** Addresses of the two clients. */
  readonly client: string;
  readonly stranger: string;
  /** Applies a policy; afterwards no connection is left that came in before. */
  policy(name: string, spec: object, namespace?: string): Promise<void>;
  /** Deletes the policies that the test has applied. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function startGuarded(): Promise<GuardedMesh> {
  const folder = mkdtempSync(join(tmpdir(), 'xb-guarded-'));
  writeFileSync(join(folder, 'stranger.yaml'), stranger);
  writeFileSync(join(folder, 'datagrams.yaml'), datagrams);
  const mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo'), folder] });
  const applied = new Set<string>();
  return {
    mesh,
    client: (await mesh.pod('client')).ip,
    stranger: (await mesh.pod('stranger')).ip,
    policy: async (name, spec, namespace = 'default') => {
      const kind = { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy' };
      const run = await mesh.apply(JSON.stringify({ ...kind, metadata: { name, namespace }, spec }));
      expect(run.code, run.stderr).toBe(0);
      applied.add(`${namespace}/${name}`);
      await until('nothing is open under the policies of before', () => isDrained(mesh));
    },
    clear: async () => {
      for (const key of applied) {
        const [namespace = '', name = ''] = key.split('/');
        await mesh.xebec(['delete', 'AuthorizationPolicy', name, '-n', namespace, '--wait']);
      }
      applied.clear();
    },
    stop: async () => {
      await mesh.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** No connection is left that came in under the policies of before. */
export async function isDrained(mesh: Mesh): Promise<boolean> {
  const path = '/stats?filter=listener_manager.total_(filter_chains|listeners)_draining';
  const pods = await mesh.pods();
  const texts = await Promise.all(pods.map(({ name }) => envoyAdmin(mesh, name, path)));
  return texts.every((text) => /: 0$/m.test(text) && !/: [1-9]/.test(text));
}

/** Those who hold one of these service accounts. */
export const accounts = (...names: readonly string[]) => ({
  principals: names.map((name) => `cluster.local/ns/default/sa/${name}`),
});
