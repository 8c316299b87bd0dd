// A certificate that is kept: read again as it was, and not at all when it is damaged; streams outlive roots that cannot be read.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enrol, openTestAuthority } from '@xebec/ca/testing';
import { afterAll, expect, test } from 'vitest';
import type { IdentityMaterial, PolicyIdentity } from './identity.ts';
import { keepIdentity } from './kept-identity.ts';
import { keepStream } from './upstream.ts';

const directory = mkdtempSync(join(tmpdir(), 'xebec-identity-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function newMaterial(): Promise<IdentityMaterial> {
  const authority = openTestAuthority(directory);
  const spiffeId = 'spiffe://cluster.local/ns/istio-system/sa/xebec-policy';
  const { certificatesPem, privateKeyPem } = await enrol(authority, spiffeId);
  return {
    ...{ certificatesPem, privateKeyPem, spiffeId, rootsPem: authority.rootsPem },
    ...{ issuer: '', serial: '', notBefore: 0, notAfter: 1, issuedAt: 0, revocationsPem: '' },
  };
}

test('what was kept is there again, and what is damaged is none', async () => {
  const file = join(directory, 'identity.json');
  const kept = keepIdentity(file, (error) => {
    throw error;
  });
  expect(kept.load()).toBeUndefined();
  const [material, other] = [await newMaterial(), await newMaterial()];
  kept.save(material);
  expect(kept.load()).toEqual(material);
  const { privateKeyPem } = other;
  for (const wrong of [{ ...material, certificatesPem: 'x' }, { ...material, privateKeyPem }, {}]) {
    writeFileSync(file, JSON.stringify(wrong));
    expect(kept.load()).toBeUndefined();
  }
});

test('a stream whose roots cannot be read is tried again, and says why', async () => {
  const current = { ...(await newMaterial()), rootsPem: ['x'], privateKeyPem: 'x' };
  const identity: PolicyIdentity = {
    ...{ current, trust: () => undefined, [Symbol.dispose]: () => undefined },
    subscribe: () => ({ [Symbol.dispose]: () => undefined }),
  };
  const stop = new AbortController();
  const reasons: string[] = [];
  const use = {
    ...{ path: '/x', opened: () => undefined, received: () => undefined },
    lost(reason: string) {
      reasons.push(reason);
      if (reasons.length === 2) stop.abort();
    },
  };
  await keepStream({ address: '127.0.0.1:1', serverName: 'x', identity }, use, stop.signal);
  expect(reasons).toHaveLength(2);
  expect(reasons[0]).not.toBe('');
});
