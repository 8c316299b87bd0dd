// Bundles of other meshes: what is written is read as it was, and what an attacker would write is not taken.
import { X509Certificate } from 'node:crypto';
import * as path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openLiveAuthority } from '../rotation/live-authority.ts';
import { codeOf, temporaryDirectory, unwrap } from '../testing/fixtures.ts';
import type { FederatedDomain } from './federation.ts';
import { publicationKey, readSpiffeBundle, writeSpiffeBundle } from './spiffe-bundle.ts';

const envelope = { sequence: 7, refreshHintMs: 60_000 };

function authorityOf(trustDomain: string) {
  const directory = temporaryDirectory();
  onTestFinished(() => directory[Symbol.dispose]());
  const authority = unwrap(openLiveAuthority({ directory: path.join(directory.path, 'ca'), trustDomain }));
  onTestFinished(() => authority[Symbol.dispose]());
  return authority;
}

const bundleOf = (authority: ReturnType<typeof authorityOf>): string =>
  writeSpiffeBundle(authority.publication, envelope);

const read = (text: string) => readSpiffeBundle(text, Date.now());
const domainOf = (trustDomain: string, text: string): FederatedDomain => {
  const { rootsPem, lists } = unwrap(read(text));
  return { trustDomain, rootsPem, ...(lists === undefined ? {} : { lists }) };
};

describe('a bundle', () => {
  test('says roots, order, patience, and what was revoked', () => {
    const two = authorityOf('two.example');
    const before = unwrap(read(bundleOf(two)));
    expect(before).toMatchObject({ sequence: 7, refreshHintMs: 60_000, lists: { hasRevoked: false } });
    expect(before.rootsPem).toEqual(two.rootsPem);
    const [key] = JSON.parse(bundleOf(two)).keys;
    expect(new X509Certificate(Buffer.from(key.x5c[0], 'base64')).ca).toBe(true);
    expect([key.use, key.kty, key.crv]).toEqual(['x509-svid', 'EC', 'P-256']);
    unwrap(two.revoke({ serial: 'ABCDEF' }));
    const after = unwrap(read(bundleOf(two)));
    expect(after.lists?.hasRevoked).toBe(true);
    expect(after.key).not.toBe(before.key);
  });

  test('is the same as long as it says the same, however often lists are signed', () => {
    const two = authorityOf('two.example');
    const [before, text] = [publicationKey(two.publication), bundleOf(two)];
    unwrap(two.revoke({ serial: 'ABCDEF' }));
    unwrap(two.reinstate({ serial: 'ABCDEF' }));
    expect(bundleOf(two)).not.toBe(text);
    expect(publicationKey(two.publication)).toBe(before);
    expect(unwrap(read(bundleOf(two))).key).toBe(unwrap(read(text)).key);
  });

  test('of others needs none of what is our own', () => {
    const text = JSON.parse(bundleOf(authorityOf('two.example')));
    const plain = { keys: [...text.keys, { use: 'jwt-svid', kty: 'EC' }, { use: 'new', kty: 'new' }] };
    expect(unwrap(read(JSON.stringify(plain)))).toMatchObject({
      sequence: undefined,
      refreshHintMs: undefined,
      lists: undefined,
    });
  });
});

test.each([
  ['a page', () => '<html>'],
  ['null', () => 'null'],
  ['no keys', () => '{}'],
  ['keys that are none', () => '{"keys":{"use":"x509-svid"}}'],
  ['an empty list', () => '{"keys":[]}'],
  ['a key without a certificate', () => '{"keys":[{"use":"x509-svid","kty":"EC"}]}'],
  ['what is no certificate', () => '{"keys":[{"use":"x509-svid","x5c":["AAAA"]}]}'],
  ['a thousand keys', () => JSON.stringify({ keys: Array.from({ length: 1_000 }, () => ({})) })],
  ['deep nesting', () => `{"keys":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
])('[B17] %s is no bundle', (_name, make) => {
  expect(codeOf(read(make()))).toBe('bundle-unusable');
});

test('a bundle is taken whole or not at all', () => {
  const [one, two] = [authorityOf('one.example'), authorityOf('two.example')];
  const [ofOne, ofTwo] = [JSON.parse(bundleOf(one)), JSON.parse(bundleOf(two))];
  const [chain] = unwrapChain(two);
  const bad = [
    { ...ofTwo, keys: [...ofTwo.keys, { use: 'x509-svid', x5c: [chain] }, { use: 'x509-svid', x5c: [] }] },
    // Two certificates in one key.
    { ...ofTwo, keys: [{ use: 'x509-svid', x5c: [ofTwo.keys[0].x5c[0], ofOne.keys[0].x5c[0]] }] },
    // Lists of an issuer that none of its roots stands for, or that another has signed.
    { ...ofTwo, xebec_revocation_lists: ofOne.xebec_revocation_lists },
    {
      ...ofTwo,
      xebec_revocation_lists: [
        { ...ofTwo.xebec_revocation_lists[0], crl: ofOne.xebec_revocation_lists[0].crl },
      ],
    },
    { ...ofTwo, xebec_revocation_lists: [{}] },
    { ...ofTwo, xebec_revocation_lists: 'none' },
  ];
  expect(bad.map((each) => codeOf(read(JSON.stringify(each))))).toEqual(bad.map(() => 'bundle-unusable'));
});

const unwrapChain = (authority: ReturnType<typeof authorityOf>): readonly string[] =>
  JSON.parse(bundleOf(authority)).xebec_revocation_lists[0].x5c;

describe('[RELIABILITY B12] lists of several meshes', () => {
  test('go together: none while nothing is revoked anywhere, then one of every issuer', () => {
    const [one, two] = [authorityOf('one.example'), authorityOf('two.example')];
    unwrap(one.federate({ domains: [domainOf('two.example', bundleOf(two))], aliases: [] }));
    expect([one.federatedDomains, one.bundle.revocationsPem]).toEqual([['two.example'], '']);
    const count = () => one.bundle.revocationsPem.match(/BEGIN X509 CRL/g)?.length ?? 0;
    unwrap(two.revoke({ serial: 'ABCDEF' }));
    const before = one.bundle.hash;
    unwrap(one.federate({ domains: [domainOf('two.example', bundleOf(two))], aliases: [] }));
    expect([one.federatedDomains, count()]).toEqual([['two.example'], 2]);
    expect(one.bundle.hash).not.toBe(before);
    unwrap(one.revoke({ serial: 'FEDCBA' }));
    expect([one.federatedDomains, count(), one.bundle.anchorsPem.length]).toEqual([['two.example'], 2, 2]);
  });

  test('a mesh without lists is shut out as long as there are any, and no other', () => {
    const [one, two, three] = ['one.example', 'two.example', 'three.example'].map(authorityOf);
    if (one === undefined || two === undefined || three === undefined) throw new Error('three');
    const written = { trustDomain: 'three.example', rootsPem: three.rootsPem };
    unwrap(one.federate({ domains: [written, domainOf('two.example', bundleOf(two))], aliases: [] }));
    expect(one.shutOut).toEqual([]);
    unwrap(one.revoke({ serial: 'ABCDEF' }));
    expect(one.federatedDomains).toEqual(['two.example']);
    expect(one.shutOut).toEqual([{ trustDomain: 'three.example', why: 'no-lists' }]);
  });

  test('lists under the name of an issuer of this mesh are not passed on', () => {
    const [one, two] = [authorityOf('one.example'), authorityOf('two.example')];
    const forged = domainOf('two.example', bundleOf(two));
    const [mine] = domainOf('one.example', bundleOf(one)).lists?.issuerNames ?? [];
    if (forged.lists === undefined || mine === undefined) throw new Error('lists');
    const lists = { ...forged.lists, issuerNames: [mine], hasRevoked: true };
    unwrap(one.federate({ domains: [{ ...forged, lists }], aliases: [] }));
    expect([one.federatedDomains, one.bundle.revocationsPem]).toEqual([[], '']);
    expect(one.shutOut).toEqual([{ trustDomain: 'two.example', why: 'same-issuer' }]);
  });
});
