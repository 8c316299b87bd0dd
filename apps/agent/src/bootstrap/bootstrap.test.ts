// Bootstraps: what the control plane is told, and that the real Envoy takes them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ProxyDescription } from '../envoy/proxy-description.ts';
import { envoyPath } from '../testing/envoy-for-tests.ts';
import { encodeBootstrap } from './bootstrap.ts';
import { nodeOf, proxyEnvironment } from './node.ts';

const sidecar: ProxyDescription = {
  role: 'sidecar',
  namespace: 'default',
  name: 'reviews-v1-x',
  workloadName: 'reviews-v1',
  serviceAccount: 'reviews',
  labels: { app: 'reviews', version: 'v1' },
  containers: ['reviews'],
  address: '127.16.0.1',
  statusAddress: '127.16.0.1',
  applicationAddress: '127.24.0.1',
  capture: 'explicit',
  discovery: 'on-demand',
  gatewayPorts: {},
  clusterDomain: 'cluster.local',
  meshId: 'cluster.local',
  network: '',
  locality: { region: 'r', zone: 'z', subzone: 's' },
};
const router: ProxyDescription = { ...sidecar, role: 'router', labels: {}, gatewayPorts: { 80: 8080 } };

describe('a node', () => {
  test('says who and where it is, in words of Istio', () => {
    expect(nodeOf(sidecar)).toEqual({
      id: 'sidecar~127.16.0.1~reviews-v1-x.default~default.svc.cluster.local',
      cluster: 'reviews.default',
      locality: { region: 'r', zone: 'z', sub_zone: 's' },
      metadata: {
        NAMESPACE: 'default',
        NAME: 'reviews-v1-x',
        SERVICE_ACCOUNT: 'reviews',
        WORKLOAD_NAME: 'reviews-v1',
        LABELS: {
          app: 'reviews',
          version: 'v1',
          'service.istio.io/canonical-name': 'reviews',
          'service.istio.io/canonical-revision': 'v1',
        },
        APP_CONTAINERS: 'reviews',
        CLUSTER_ID: 'local',
        MESH_ID: 'cluster.local',
        NETWORK: '',
        INSTANCE_IPS: '127.16.0.1',
        ISTIO_VERSION: '1.29.0',
        ON_DEMAND_DISCOVERY: 'true',
        CAPTURE: 'explicit',
        APPLICATION_ADDRESS: '127.24.0.1',
        UNPRIVILEGED_POD: 'true',
        CHOOSES_AFTER_HANDSHAKE: 'true',
        KEEPS_AUDIT: 'true',
      },
    });
    expect(nodeOf(router)).toMatchObject({
      id: 'router~127.16.0.1~reviews-v1-x.default~default.svc.cluster.local',
      metadata: { GATEWAY_PORTS: { 80: 8080 } },
    });
  });

  test('gives metrics the names of the workload', () => {
    expect(proxyEnvironment(sidecar)).toMatchObject({ XEBEC_APP: 'reviews', XEBEC_VERSION: 'v1' });
    expect(proxyEnvironment(router)).toMatchObject({
      XEBEC_APP: 'unknown',
      XEBEC_VERSION: 'unknown',
      CANONICAL_SERVICE: 'reviews-v1',
      CANONICAL_REVISION: 'latest',
    });
  });
});

test.skipIf(envoyPath === undefined).each([
  ['sidecar', sidecar],
  ['router', router],
])('the real Envoy takes the bootstrap of a %s', (_role, proxy) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'xebec-bootstrap-'));
  const file = path.join(directory, 'bootstrap.json');
  const at = (name: string): string => path.join(directory, name);
  const paths = {
    bootstrap: file,
    adminSocket: at('admin'),
    discoverySocket: at('xds'),
    agentSocket: at('agent'),
  };
  writeFileSync(file, encodeBootstrap(proxy, paths));
  const { status, stderr } = spawnSync(
    envoyPath ?? '',
    ['--mode', 'validate', '-c', file, '--disable-hot-restart'],
    { stdio: ['ignore', 'ignore', 'pipe'], timeout: 15_000, killSignal: 'SIGKILL' },
  );
  rmSync(directory, { recursive: true });
  expect(`${status} ${stderr.toString()}`).toMatch(/^0 /);
  expect(stderr.toString()).not.toMatch(/\[(warning|error|critical)\]/);
});
