// What a proxy may say of a bucket, and what is known better.
import type { AssignmentCall, QuotaVerdict } from '@xebec/policy';
import { describe, expect, it } from 'vitest';
import type { ProxySide } from '../proxies/side.ts';
import { createGate } from '../rpc/gate.ts';
import { FakeEngine } from '../testing/fake-engine.ts';
import { cart, shopWorkloads } from '../testing/shop-workloads.ts';
import { testVocabulary } from '../testing/vocabulary.ts';
import { bucketTerms, unlessForeign } from './bucket-terms.ts';

/** Knows one quota, which is not everybody's. */
class OneQuota extends FakeEngine {
  readonly calls: AssignmentCall[] = [];
  override async assign(call: AssignmentCall): Promise<QuotaVerdict | undefined> {
    this.calls.push(call);
    const isForeign = call.isBound && call.attributes.get('destination.namespace') !== 'shop';
    const verdict = await super.assign(call);
    return isForeign ? undefined : verdict;
  }
}

const proxyOf = (namespace: string, serviceAccount: string): ProxySide => ({
  direction: 'inbound',
  identity: { trustDomain: 'cluster.local', namespace, serviceAccount },
  ...(namespace === cart.namespace ? { workload: cart } : {}),
});

function termsFor(side: ProxySide, bucket: Readonly<Record<string, string>>) {
  const engine = new OneQuota();
  const gate = createGate({
    ...{ engine: () => engine, vocabulary: () => testVocabulary, workloads: shopWorkloads },
    ...{ authenticators: [], plaintextCallers: 'refused' as const },
  });
  const id = { $typeName: 'envoy.service.rate_limit_quota.v3.BucketId' as const, bucket };
  return { engine, ...bucketTerms(gate, { side, domain: 'xebec-policy-open', id }) };
}

describe('a bucket', () => {
  it('has the quota, the units and the caller that it says, of the workload that the certificate is of', async () => {
    const { engine, charge, take } = termsFor(proxyOf('shop', 'cart'), {
      quota: 'calls.instance.shop',
      charge: '3',
      'source.principal': 'spiffe://cluster.local/ns/front/sa/web',
      'destination.namespace': 'bank',
      'context.reporter.kind': 'outbound',
    });
    expect(charge).toBe(3n);
    expect(await take(4n)).toEqual({ granted: 4n, remaining: 6n, validMs: 1_000 });
    const [{ quota, isBound, attributes } = { quota: '', isBound: false, attributes: new Map() }] =
      engine.calls;
    expect([quota, isBound]).toEqual(['calls.instance.shop', true]);
    expect([...attributes].filter(([name]) => /principal|namespace|kind|service.name/.test(name))).toEqual(
      expect.arrayContaining([
        ['source.principal', 'cluster.local/ns/front/sa/web'],
        ['destination.namespace', 'shop'],
      ]),
    );
    expect(attributes.get('context.reporter.kind') ?? 'inbound').toBe('inbound');
  });

  it('of a quota that is none of the workload’s takes nothing', async () => {
    const { take } = termsFor(proxyOf('front', 'web'), { quota: 'calls.instance.shop' });
    await expect(take(4n).catch(unlessForeign)).resolves.toBeUndefined();
  });

  it('that says no number of units takes one a request', () => {
    expect(termsFor(proxyOf('shop', 'cart'), { charge: '-3' }).charge).toBe(1n);
    expect(termsFor(proxyOf('shop', 'cart'), {}).charge).toBe(1n);
  });
});
