// The contract, for every adapter that needs nothing from outside.
import { bypass } from './bypass/bypass.ts';
import { erased } from './catalog.ts';
import { denier } from './denier/denier.ts';
import { kubernetesenv } from './kubernetesenv/kubernetesenv.ts';
import { listAdapter } from './list/list.ts';
import { noop } from './noop/noop.ts';
import { createMetricBoard } from './prometheus/metric-board.ts';
import { createPrometheus } from './prometheus/prometheus.ts';
import { rbac } from './rbac/rbac.ts';
import { OK } from './sdk.ts';
import { createDogstatsd, createStatsd } from './statsd/statsd.ts';
import { createStdio } from './stdio/stdio.ts';
import { checkAdapterContract } from './testing/contract.ts';

checkAdapterContract({
  adapter: erased(denier),
  params: { status: { code: 7, message: 'no' }, validDuration: '5s', validUseCount: 3 },
  wrong: [
    { params: { status: { code: 99 } }, field: 'status.code' },
    { params: { status: { code: 0 } }, field: 'status.code' },
    { params: { validDuration: 'soon' }, field: 'validDuration' },
    { params: { status: { details: [{ '@type': 'x' }] } }, field: 'status.details[0]["@type"]' },
  ],
});

checkAdapterContract({
  adapter: erased(listAdapter()),
  params: { overrides: ['a', 'b'] },
  wrong: [
    { params: { entryType: 'REGEXP' }, field: 'entryType' },
    { params: { entryType: 'REGEX', overrides: ['('] }, field: 'overrides[0]' },
    {
      params: { entryType: 'IP_ADDRESSES', overrides: ['10.0.0.0/8', '10.0.0.0/33'] },
      field: 'overrides[1]',
    },
    { params: { providerUrl: 'ftp://example' }, field: 'providerUrl' },
    { params: { providerUrl: 'http://lists.example', ttl: '1s' }, field: 'ttl' },
    { params: { providerUrl: 'http://lists.example', refreshInterval: '10ms' }, field: 'refreshInterval' },
  ],
});

checkAdapterContract({ adapter: erased(noop), params: {}, wrong: [] });
checkAdapterContract({ adapter: erased(kubernetesenv()), params: {}, wrong: [] });

checkAdapterContract({
  adapter: erased(rbac),
  params: {
    roles: [{ name: 'viewer', rules: [{ services: ['*'], methods: ['GET'] }] }],
    bindings: [{ role: 'viewer', subjects: [{ user: '*' }] }],
  },
  wrong: [
    { params: { configStoreUrl: 'k8s://' }, field: 'configStoreUrl' },
    { params: { roles: [{ name: 'viewer' }] }, field: 'roles[0]' },
    { params: { bindings: [{ role: 'viewer', subjects: [{ user: '*' }] }] }, field: 'bindings[0].role' },
    { params: { bindings: [{ role: 'viewer', subjects: [{}] }] }, field: 'bindings[0].subjects[0]' },
  ],
});

const verdict = { status: OK, validDurationMs: 1, validUseCount: 1 };
checkAdapterContract({
  adapter: erased(
    bypass(() => ({
      check: () => verdict,
      report: () => undefined,
      allocate: () => ({ status: OK, granted: 1n, validDurationMs: 1 }),
      generate: () => ({}),
    })),
  ),
  params: { backendAddress: 'localhost:4567', params: { path: '/tmp' } },
  wrong: [
    { params: {}, field: '' },
    { params: { backendAddress: 'localhost' }, field: 'backendAddress' },
  ],
});

checkAdapterContract({
  adapter: erased(createPrometheus(createMetricBoard())),
  params: { metrics: [{ instance_name: 'hostile', kind: 'COUNTER', label_names: ['path'] }] },
  wrong: [
    { params: { metrics: [{ instanceName: 'a', kind: 'COUNT' }] }, field: 'metrics[0].kind' },
    {
      params: { metrics: [{ instanceName: 'a', kind: 'GAUGE', labelNames: ['le'] }] },
      field: 'metrics[0].labelNames[0]',
    },
    { params: { metrics: [{ instanceName: 'a', name: 'x y', kind: 'GAUGE' }] }, field: 'metrics[0].name' },
  ],
});

const lineSink = { write: () => Promise.resolve(), close: () => Promise.resolve() };
checkAdapterContract({
  adapter: erased(createStdio(() => Promise.resolve(lineSink))),
  params: { outputAsJson: true, severityLevels: { loud: 'ERROR' } },
  wrong: [{ params: { logStream: 'STDIN' }, field: 'logStream' }],
});

const datagramSink = { send: () => Promise.resolve(), close: () => undefined };
for (const create of [createStatsd, createDogstatsd]) {
  checkAdapterContract({
    adapter: erased(create(() => datagramSink)),
    params: { address: '127.0.0.1:8125', metrics: { hostile: { type: 'COUNTER' } } },
    wrong: [{ params: { address: 'nowhere' }, field: 'address' }],
  });
}
