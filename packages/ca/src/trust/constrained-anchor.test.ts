// A root that is limited to trust domains is the same authority with one more word in it.
import { X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openLiveAuthority } from '../rotation/live-authority.ts';
import { constrainAnchor } from './constrained-anchor.ts';
import { decodeBundle, encodeBundle } from './trust-messages.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'xb-anchor-'));
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

function authorityOf(trustDomain: string) {
  const opened = openLiveAuthority({ directory: path.join(directory, trustDomain), trustDomain });
  if (!opened.ok) throw new Error(JSON.stringify(opened.diagnostics));
  return opened.value;
}
const one = authorityOf('one.example');
const two = authorityOf('two.example');
const [root = ''] = two.rootsPem;
const names = { trustDomains: ['two.example', 'two.test'], mayHaveDnsNames: false };

describe('a constrained anchor', () => {
  const constrained = constrainAnchor(root, names);
  const pem = constrained.ok ? constrained.value : '';

  it('has the name, key and life of the root, and is an authority still', () => {
    const [before, after] = [new X509Certificate(root), new X509Certificate(pem)];
    for (const field of ['subject', 'issuer', 'validFrom', 'validTo', 'serialNumber', 'ca'] as const)
      expect([field, after[field]]).toEqual([field, before[field]]);
    expect(after.publicKey.equals(before.publicKey)).toBe(true);
    expect(after.verify(after.publicKey)).toBe(false);
  });

  it('holds the domains it is for, and excludes names of DNS', () => {
    const { raw } = new X509Certificate(pem);
    const hex = raw.toString('hex');
    const uri = (name: string) =>
      `86${name.length.toString(16).padStart(2, '0')}${Buffer.from(name).toString('hex')}`;
    expect(hex).toContain('0603551d1e0101ff');
    expect(hex).toContain(uri('two.example'));
    expect(hex).toContain(uri('two.test'));
    expect(hex).toContain('a1043002' + '8200');
  });

  it('is not made twice, nor of anything else', () => {
    for (const text of [pem, '', 'two', `${root}${root}`])
      expect(constrainAnchor(text, names).ok).toBe(false);
  });
});

describe('an authority that federates', () => {
  const domains = [{ trustDomain: 'two.example', rootsPem: two.rootsPem }];

  it('tells anchors for its own domain and those of others, and takes them back', () => {
    const before = one.bundle;
    expect(one.federate({ domains, aliases: ['uno.example'] }).ok).toBe(true);
    expect(one.federatedDomains).toEqual(['two.example']);
    expect(one.bundle.anchorsPem).toHaveLength(2);
    expect(one.bundle.hash).not.toBe(before.hash);
    expect(one.bundle.rootsPem).toEqual(before.rootsPem);
    expect(decodeBundle(encodeBundle(one.bundle))).toEqual(one.bundle);
    expect(one.federate({ domains: [], aliases: [] }).ok).toBe(true);
    expect(one.bundle).toEqual(before);
  });

  it('lets nobody of others in while something of its own is revoked', () => {
    expect(one.federate({ domains, aliases: [] }).ok).toBe(true);
    expect(one.revoke({ serial: 'ABCDEF' }).ok).toBe(true);
    expect([one.federatedDomains, one.bundle.anchorsPem]).toEqual([[], []]);
    expect(one.reinstate({ serial: 'ABCDEF' }).ok).toBe(true);
    expect(one.federatedDomains).toEqual(['two.example']);
  });

  it('refuses roots that cannot be limited, and leaves everything as it was', () => {
    const before = one.bundle.hash;
    const bad = [{ trustDomain: 'two.example', rootsPem: ['not a certificate'] }];
    expect(one.federate({ domains: bad, aliases: [] }).ok).toBe(false);
    expect(one.bundle.hash).toBe(before);
  });
});
