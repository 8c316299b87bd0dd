// kubernetesenv, through an engine: what it finds by name and by address, and that callers' own attributes stand.
import { describe, expect, it } from 'vitest';
import { bag, engineOf, handler, instance, rule } from '../../testing/test-engine.ts';
import { noop } from '../noop/noop.ts';
import { type IndexedWorkload, kubernetesenv, type WorkloadIndex } from './kubernetesenv.ts';

const reviews: IndexedWorkload = {
  uid: 'kubernetes://reviews-v1-abc.shop',
  name: 'reviews-v1-abc',
  namespace: 'shop',
  serviceAccount: 'reviews',
  labels: { app: 'reviews', version: 'v1' },
  ips: ['10.0.0.7', 'fd00::7'],
  workloadName: 'reviews-v1',
  owner: 'kubernetes://apis/apps/v1/namespaces/shop/deployments/reviews-v1',
  containers: { '9080': 'app' },
};

const index: WorkloadIndex = {
  byName: (namespace, name) => (namespace === 'shop' && name === reviews.name ? reviews : undefined),
  byAddress: (ip) => (reviews.ips.includes(ip) ? reviews : undefined),
};

const attributes = instance(
  { name: 'attributes' },
  'kubernetes',
  { source_uid: 'source.uid | ""', source_ip: 'source.ip', destination_port: 'destination.port | 0' },
  {
    'source.labels': '$out.source_labels',
    'source.namespace': '$out.source_namespace | "nowhere"',
    'source.workload.name': '$out.source_workload_name',
  },
);

const echo = rule(
  { name: 'echo' },
  {
    requestHeaderOperations: [
      { name: 'x-namespace', operation: 'REPLACE', values: ['source.namespace | ""'] },
      { name: 'x-version', operation: 'REPLACE', values: ['source.labels["version"] | "none"'] },
      { name: 'x-workload', operation: 'REPLACE', values: ['source.workload.name | "none"'] },
    ],
  },
);

async function headersFor(said: Parameters<typeof bag>[0]): Promise<readonly string[]> {
  const { engine, problems } = await engineOf(
    [
      handler({ name: 'k' }, 'kubernetesenv'),
      attributes,
      rule({ name: 'a' }, { send: { k: ['attributes'] } }),
      echo,
    ],
    [kubernetesenv(index), noop],
  );
  expect(problems).toEqual([]);
  const { requestHeaders } = await engine.check({ attributes: bag(said) });
  return requestHeaders.flatMap(({ values }) => values);
}

describe('kubernetesenv', () => {
  it('finds workloads by name and by addresses of both families', async () => {
    expect(await headersFor({ 'source.uid': reviews.uid })).toEqual(['shop', 'v1', 'reviews-v1']);
    expect(await headersFor({ 'source.ip': Uint8Array.of(10, 0, 0, 7) })).toEqual([
      'shop',
      'v1',
      'reviews-v1',
    ]);
    const six = Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7);
    expect(await headersFor({ 'source.ip': six })).toEqual(['shop', 'v1', 'reviews-v1']);
  });

  it('leaves unknown sides to the defaults of the bindings', async () => {
    expect(await headersFor({ 'source.ip': Uint8Array.of(10, 9, 9, 9) })).toEqual([
      'nowhere',
      'none',
      'none',
    ]);
  });

  it('overrides nothing that the caller said', async () => {
    const said = { 'source.uid': reviews.uid, 'source.namespace': 'mine' };
    expect(await headersFor(said)).toEqual(['mine', 'v1', 'reviews-v1']);
  });
});
