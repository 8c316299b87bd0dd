// With what a proxy is started: the annotation before the mesh, and the usual settings rather than no proxy.

import type { ProxyLaunch } from '@xebec/config';
import { fail, type Result, succeed } from '@xebec/std';
import { expect, test } from 'vitest';
import { nodeOf, proxyEnvironment } from '../bootstrap/node.ts';
import type { ProxyDescription } from '../envoy/proxy-description.ts';
import { launchFor } from './proxy-launch.ts';

const proxy: ProxyDescription = {
  ...{ role: 'sidecar', namespace: 'shop', name: 'web-1', workloadName: 'web', serviceAccount: 'web' },
  ...{ labels: { app: 'web' }, containers: [], capture: 'explicit', discovery: 'on-demand' },
  ...{ address: '127.16.0.1', statusAddress: '127.16.0.1', applicationAddress: '127.24.0.1' },
  ...{ gatewayPorts: {}, clusterDomain: 'cluster.local', meshId: 'm', network: '' },
};

async function launch(known: Result<ProxyLaunch>, proxyConfig?: Readonly<Record<string, unknown>>) {
  const warnings: string[] = [];
  const result = await launchFor({
    context: {
      proxyLaunch: () => Promise.resolve(known),
      onEvent: ({ message }) => void warnings.push(message),
    },
    description: { ...proxy, ...(proxyConfig === undefined ? {} : { proxyConfig }) },
  });
  return { ...result, warnings };
}

const known = succeed<ProxyLaunch>({ concurrency: 4, environment: { A: 'mesh', B: 'mesh' } });

test('the annotation wins, variable by variable', async () => {
  expect(await launch(known, { concurrency: 1, proxyMetadata: { A: 'pod' }, drainDuration: '3s' })).toEqual({
    concurrency: 1,
    environment: { A: 'pod', B: 'mesh' },
    warnings: [],
  });
  expect(await launch(known)).toEqual({
    concurrency: 4,
    environment: { A: 'mesh', B: 'mesh' },
    warnings: [],
  });
});

test('of an annotation with mistakes nothing holds, and that is said', async () => {
  const { concurrency, warnings } = await launch(known, {
    concurrency: 1,
    proxyMetadata: { LD_PRELOAD: 'x.so' },
  });
  expect(concurrency).toBe(4);
  expect(warnings).toEqual([expect.stringContaining('proxyMetadata.LD_PRELOAD')]);
});

test('without an answer it starts as usual', async () => {
  const none = fail({ severity: 'error', code: 'control-plane-unreachable', message: 'nobody is there' });
  expect(await launch(none)).toEqual({
    environment: {},
    warnings: [expect.stringContaining('nobody is there')],
  });
});

test('metadata and variables of the proxy’s own stay as they are', () => {
  const environment = { ISTIO_META_NAMESPACE: 'other', ISTIO_META_TEAM: 'a', POD_NAME: 'other', KEPT: '1' };
  const described = { ...proxy, launch: { environment } };
  expect(nodeOf(described)['metadata']).toMatchObject({ NAMESPACE: 'shop', TEAM: 'a' });
  expect(proxyEnvironment(described)).toMatchObject({ POD_NAME: 'web-1', KEPT: '1', ISTIO_META_TEAM: 'a' });
});
