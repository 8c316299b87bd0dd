// Which ProxyConfig holds for a proxy that starts, field by field.

import { parseDocuments } from '@xebec/config';
import { expect, test } from 'vitest';
import { createPipeline } from '../pipeline.ts';

const config = (name: string, namespace: string, spec: string): string =>
  `apiVersion: networking.istio.io/v1beta1\nkind: ProxyConfig\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n---\n`;
const mesh = `apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    defaultConfig: {concurrency: 8, proxyMetadata: {FROM: mesh, MESH: "1"}}
`;

function launchOf(text: string) {
  const { store, launchOf: launch } = createPipeline({ clock: () => 0 });
  const { objects } = parseDocuments(text, 'all.yaml');
  const applied = store.apply({ author: 'test', owner: 'api', mode: 'all-or-nothing', upserts: objects });
  if (!applied.ok) throw new Error(JSON.stringify(applied.diagnostics));
  return launch;
}

test('the workload’s own, its namespace’s, the mesh’s, then defaultConfig; variables by name', () => {
  const launch = launchOf(
    config('root', 'istio-system', '{concurrency: 4, environmentVariables: {FROM: root, ROOT: "1"}}') +
      config('b', 'shop', '{concurrency: 9}') +
      config('a', 'shop', '{environmentVariables: {FROM: namespace, OWN: "1"}}') +
      config(
        'web',
        'shop',
        '{selector: {matchLabels: {app: web}}, concurrency: 0, environmentVariables: {FROM: web}}',
      ) +
      config('gates', 'istio-system', '{selector: {matchLabels: {app: web}}, concurrency: 7}') +
      mesh,
  );
  const shared = { MESH: '1', ROOT: '1' };
  expect(launch({ namespace: 'shop', labels: { app: 'web' } })).toEqual({
    concurrency: 0,
    environment: { ...shared, OWN: '1', FROM: 'web' },
  });
  expect(launch({ namespace: 'shop', labels: { app: 'db' } })).toEqual({
    concurrency: 4,
    environment: { ...shared, OWN: '1', FROM: 'namespace' },
  });
  expect(launch({ namespace: 'other', labels: { app: 'web' } })).toEqual({
    concurrency: 4,
    environment: { ...shared, FROM: 'root' },
  });
  expect(launch({ namespace: 'istio-system', labels: { app: 'web' } }).concurrency).toBe(7);
});

test('the mesh’s defaultConfig alone, and nothing at all', () => {
  expect(launchOf(mesh)({ namespace: 'a', labels: {} })).toEqual({
    concurrency: 8,
    environment: { FROM: 'mesh', MESH: '1' },
  });
  expect(launchOf('')({ namespace: 'a', labels: {} })).toEqual({ environment: {} });
});
