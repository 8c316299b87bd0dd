// What was taken back is in lists that openssl believes, is refused at our own door, and counts again once it is given back.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { peerCertificateAuthenticator } from '../authenticators/peer-certificate.ts';
import { createKeyAndCsr } from '../client/key-and-csr.ts';
import { DAY_MS } from '../clock.ts';
import { parsePem } from '../der/pem.ts';
import { openLiveAuthority } from '../rotation/live-authority.ts';
import { codeOf, hasOpenssl, openssl, temporaryDirectory, unwrap } from '../testing/fixtures.ts';
import { readRevocationLists } from '../x509/revocation-list.ts';

const ID = 'spiffe://cluster.local/ns/default/sa/reviews';
const OTHER = 'spiffe://cluster.local/ns/default/sa/ratings';

function world() {
  const temporary = temporaryDirectory();
  onTestFinished(() => temporary[Symbol.dispose]());
  const directory = path.join(temporary.path, 'ca');
  const time = { nowMs: Date.now() };
  const open = () =>
    unwrap(openLiveAuthority({ directory, trustDomain: 'cluster.local', clock: () => time.nowMs }));
  const issueWith = async (authority: ReturnType<typeof open>, spiffeId: string) => {
    const { csrPem } = unwrap(await createKeyAndCsr(spiffeId));
    return authority.certify({ csrPem, spiffeId });
  };
  return { directory, scratch: temporary.path, time, open, issueWith };
}

const listsOf = (pem: string) => (pem === '' ? [] : unwrap(readRevocationLists(pem)));
const serialsOf = (pem: string) => listsOf(pem).map(({ serials }) => serials);

describe('a certificate', () => {
  test('is revoked by its number, however that is written, also over a restart, and given back', async () => {
    const { open, issueWith } = world();
    const authority = open();
    const clean = authority.bundle;
    const { serial } = unwrap(await issueWith(authority, ID));
    const written = serial.toLowerCase().match(/../g)?.join(':') ?? '';
    expect(unwrap(authority.revoke({ serial: written }))).toBe(1);
    expect(unwrap(authority.revoke({ serial }))).toBe(0);
    expect(authority.isRevoked({ serial })).toBe(true);
    expect(serialsOf(authority.bundle.revocationsPem)).toEqual([[serial]]);
    expect(authority.bundle.hash).not.toBe(clean.hash);
    const again = open();
    expect(again.bundle.hash).toBe(authority.bundle.hash);
    expect(unwrap(again.reinstate({ serial }))).toBe(1);
    expect(again.bundle).toEqual(clean);
    expect(codeOf(again.revoke({ serial: 'xyz' }))).toBe('bad-serial-number');
  });

  test('that is revoked renews nothing', async () => {
    const { open, issueWith } = world();
    const authority = open();
    const { chainPem, serial } = unwrap(await issueWith(authority, ID));
    const peerCertificate = unwrap(parsePem(chainPem.join('')))[0]?.der;
    const door = peerCertificateAuthenticator({
      trustDomain: 'cluster.local',
      issuers: authority.issuers,
      clock: Date.now,
      isRevoked: (number) => authority.isRevoked({ serial: number }),
    });
    const call = { peer: 'a', bearerToken: undefined, peerCertificate };
    expect(await door.authenticate(call)).toBeDefined();
    unwrap(authority.revoke({ serial }));
    expect(await door.authenticate(call)).toBeUndefined();
  });

  test('that ended is forgotten', async () => {
    const { open, issueWith, time } = world();
    const { serial } = unwrap(await issueWith(open(), ID));
    unwrap(open().revoke({ serial }));
    time.nowMs += 2 * DAY_MS;
    expect(open().bundle.revocationsPem).toBe('');
  });
});

describe('an identity', () => {
  test('loses all its certificates, and gets none until it is given back', async () => {
    const { open, issueWith } = world();
    const first = unwrap(await issueWith(open(), ID));
    const authority = open();
    const second = unwrap(await issueWith(authority, ID));
    const other = unwrap(await issueWith(authority, OTHER));
    expect(unwrap(authority.revoke({ identity: ID }))).toBe(2);
    expect(serialsOf(authority.bundle.revocationsPem)).toEqual([[first.serial, second.serial].sort()]);
    expect(authority.isRevoked({ serial: other.serial })).toBe(false);
    expect(codeOf(await issueWith(authority, ID))).toBe('identity-revoked');
    expect(codeOf(await issueWith(open(), ID))).toBe('identity-revoked');
    expect(codeOf(await issueWith(authority, OTHER))).toBe('ok');
    expect(unwrap(authority.reinstate({ identity: ID }))).toBe(2);
    expect(codeOf(await issueWith(authority, ID))).toBe('ok');
    expect(codeOf(authority.revoke({ identity: 'spiffe://x' }))).toBe('bad-spiffe-id');
  });
});

test('a rotation has lists of both issuers', async () => {
  const { open, issueWith } = world();
  const authority = open();
  const { serial } = unwrap(await issueWith(authority, ID));
  unwrap(authority.revoke({ serial }));
  unwrap(authority.rotate({ kind: 'root', goal: 'retire' }));
  expect(serialsOf(authority.bundle.revocationsPem)).toEqual([[serial], []]);
});

test('a damaged record stops the start', () => {
  const { open, directory } = world();
  open();
  fs.writeFileSync(path.join(directory, 'revocations.json'), '{"certificates":[{}]}');
  expect(() => open()).toThrow(/revocations\.json/);
});

describe.runIf(hasOpenssl)('ca-crl.pem', () => {
  test('what it names is revoked, and openssl agrees with what is published', async () => {
    const { open, issueWith, directory, scratch } = world();
    const authority = open();
    const bad = unwrap(await issueWith(authority, ID));
    const good = unwrap(await issueWith(authority, OTHER));
    unwrap(authority.revoke({ serial: bad.serial }));
    const list = path.join(directory, 'ca-crl.pem');
    fs.writeFileSync(list, authority.bundle.revocationsPem);
    unwrap(authority.reinstate({ serial: bad.serial }));
    expect(authority.isRevoked({ serial: bad.serial })).toBe(true);
    const files = ['root.pem', 'crl.pem'].map((name) => path.join(scratch, name));
    const [root = '', crl = ''] = files;
    fs.writeFileSync(root, authority.rootsPem.join(''));
    fs.writeFileSync(crl, authority.bundle.revocationsPem);
    const verify = (issued: typeof bad) => {
      const [leaf = '', intermediate = ''] = issued.chainPem;
      const chain = path.join(scratch, 'intermediate.pem');
      fs.writeFileSync(chain, intermediate);
      return openssl(
        ['verify', '-x509_strict', '-crl_check', '-CAfile', root, '-untrusted', chain, '-CRLfile', crl],
        leaf,
      ).toString();
    };
    expect(verify(good)).toContain('OK');
    expect(() => verify(bad)).toThrow(/certificate revoked/);
    fs.rmSync(list);
    unwrap(authority.reload());
    expect(authority.bundle.revocationsPem).toBe('');
  });

  test('one that is not whole, or signed by somebody else, leaves the old one in force', async () => {
    const { open, issueWith, directory } = world();
    const authority = open();
    const { serial } = unwrap(await issueWith(authority, ID));
    unwrap(authority.revoke({ serial }));
    const list = path.join(directory, 'ca-crl.pem');
    const genuine = authority.bundle.revocationsPem;
    fs.writeFileSync(list, 'nothing');
    expect(codeOf(authority.reload())).toBe('malformed-revocation-list');
    const der = Buffer.from(unwrap(parsePem(genuine))[0]?.der ?? '');
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    fs.writeFileSync(list, `-----BEGIN X509 CRL-----\n${der.toString('base64')}\n-----END X509 CRL-----\n`);
    expect(codeOf(authority.reload())).toBe('forged-revocation-list');
    expect(authority.isRevoked({ serial })).toBe(true);
    expect(unwrap(readRevocationLists(authority.bundle.revocationsPem))).toHaveLength(1);
  });
});
