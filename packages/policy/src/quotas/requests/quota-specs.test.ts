// QuotaSpecs and bindings as in Istio's tasks, asked by requests.
import type { QuotaSpecSpec, ServiceReference } from '@xebec/config';
import { expect, test } from 'vitest';
import { sourceOf } from '../../attributes/bag.ts';
import type { AttributeValue } from '../../attributes/value.ts';
import { compileQuotaSpecs } from './quota-specs.ts';

const spec = (rules: QuotaSpecSpec['rules']) => ({ namespace: 'shop', name: 'counts', spec: { rules } });
const bind = (...services: Partial<ServiceReference>[]) => ({
  namespace: 'shop',
  name: 'binding',
  spec: {
    services: services.map((one) => ({ name: '*', namespace: 'shop', labels: {}, ...one })),
    quotaSpecs: [{ name: 'counts', namespace: 'shop' }],
  },
});

function ask(specs: ReturnType<typeof compileQuotaSpecs>, more: Record<string, AttributeValue> = {}) {
  const bag = new Map<string, AttributeValue>([
    ['destination.service.name', 'cart'],
    ['destination.service.namespace', 'shop'],
    ['destination.service.host', 'cart.shop.svc.cluster.local'],
    ['destination.labels', new Map([['version', 'v1']])],
    ...Object.entries(more),
  ]);
  return specs.requestedBy(sourceOf(bag)).map(({ quota, charge }) => [quota, charge]);
}

const always = spec([{ match: [], quotas: [{ quota: 'requestcount', charge: 1 }] }]);

test.each<[Partial<ServiceReference>, boolean]>([
  [{ name: 'cart' }, true],
  [{ name: '*' }, true],
  [{ name: '*', namespace: '*' }, true],
  [{ name: 'other' }, false],
  [{ name: 'cart', namespace: 'bank' }, false],
  [{ name: 'cart', labels: { version: 'v1' } }, true],
  [{ name: 'cart', labels: { version: 'v2' } }, false],
  [{ name: 'x', host: 'cart.shop.svc.cluster.local' }, true],
  [{ name: 'cart', host: 'api.example.com' }, false],
])('a binding of %o', (service, isBound) => {
  const specs = compileQuotaSpecs({ specs: [always], bindings: [bind(service)] });
  expect(ask(specs)).toEqual(isBound ? [['requestcount', 1n]] : []);
});

test('clauses of one match hold together, matches one by one; charges add up', () => {
  const rules: QuotaSpecSpec['rules'] = [
    {
      match: [
        {
          'request.path': { kind: 'prefix', value: '/api' },
          'request.method': { kind: 'exact', value: 'GET' },
        },
        { 'request.headers[x-user]': { kind: 'regex', value: 'a+' } },
      ],
      quotas: [{ quota: 'calls', charge: 2 }],
    },
    {
      match: [],
      quotas: [
        { quota: 'calls', charge: 1 },
        { quota: 'all', charge: 5 },
      ],
    },
  ];
  const specs = compileQuotaSpecs({ specs: [spec(rules)], bindings: [bind({})] });
  const headers = (user: string) => new Map([['x-user', user]]);
  expect(ask(specs)).toEqual([
    ['all', 5n],
    ['calls', 1n],
  ]);
  expect(ask(specs, { 'request.path': '/api/x', 'request.method': 'GET' })).toContainEqual(['calls', 3n]);
  expect(ask(specs, { 'request.path': '/api/x', 'request.method': 'PUT' })).toContainEqual(['calls', 1n]);
  expect(ask(specs, { 'request.headers': headers('aaa') })).toContainEqual(['calls', 3n]);
  expect(ask(specs, { 'request.headers': headers('aaab') })).toContainEqual(['calls', 1n]);
});

test('a service that is bound twice is charged once', () => {
  const specs = compileQuotaSpecs({ specs: [always], bindings: [bind({ name: 'cart' }, { name: '*' })] });
  expect(ask(specs)).toEqual([['requestcount', 1n]]);
  expect(compileQuotaSpecs({ specs: [always], bindings: [] }).isEmpty).toBe(true);
});
