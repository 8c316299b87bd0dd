// Which words of a proxy its Pod vouches for.
import type { ProxyNode } from '@xebec/model';
import { expect, test } from 'vitest';
import { readProxyNode } from './proxy-node.ts';
import { namespaceOfId, standingOf } from './standing.ts';

function proxy(metadata: Record<string, unknown> = {}, role = 'sidecar'): ProxyNode {
  const id = `${role}~127.0.0.1~web-1.shop~shop.svc.cluster.local`;
  const node = { id, cluster: '', userAgent: '', metadata: { SERVICE_ACCOUNT: 'web', ...metadata } };
  const read = readProxyNode(node, 'eager');
  if (!read.ok) throw new Error(read.message);
  return read.proxy;
}
const pod = (labels: Record<string, string>, serviceAccountName = 'web') => ({
  labels,
  spec: { serviceAccountName },
});

test('a Pod of the same account vouches for its own labels, and for what is derived from them', () => {
  const said = { LABELS: { app: 'web', 'service.istio.io/canonical-name': 'web' } };
  expect(standingOf(proxy(said), pod({ app: 'web', version: 'v1' }))).toBe('vouched');
  expect(standingOf(proxy(), pod({ app: 'web' }))).toBe('vouched');
});

test('other labels, another role and no Pod at all are nobody’s word', () => {
  expect(standingOf(proxy({ LABELS: { app: 'admin' } }), pod({ app: 'web' }))).toBe('unknown');
  expect(standingOf(proxy({ LABELS: { istio: 'gateway' } }), pod({ app: 'web' }))).toBe('unknown');
  expect(standingOf(proxy({}, 'router'), pod({ 'security.istio.io/tlsMode': 'istio' }))).toBe('unknown');
  expect(standingOf(proxy({}, 'router'), pod({ app: 'gateway' }))).toBe('vouched');
  expect(standingOf(proxy(), undefined)).toBe('unknown');
});

test('a Pod of another account makes a stranger', () => {
  expect(standingOf(proxy(), pod({}, 'other'))).toBe('stranger');
  expect(standingOf(proxy({ SERVICE_ACCOUNT: 'default' }), pod({}, ''))).toBe('vouched');
});

test('the namespace of an id', () => {
  expect(namespaceOfId('sidecar~1.2.3.4~web.v1.shop~shop.svc.cluster.local')).toBe('shop');
  expect([namespaceOfId('my-client'), namespaceOfId('sidecar~1.2.3.4~web~x')]).toEqual([
    undefined,
    undefined,
  ]);
});
