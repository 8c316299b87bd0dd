// A certificate that was taken back is known by the lists of the bundle, and nobody else is.
import { expect, onTestFinished, test } from 'vitest';
import { createKeyAndCsr } from '../client/key-and-csr.ts';
import { parsePem } from '../der/pem.ts';
import { openLiveAuthority } from '../rotation/live-authority.ts';
import { temporaryDirectory, unwrap } from '../testing/fixtures.ts';
import { revocationCheck } from './revocation-check.ts';

test('finds what was taken back, by its issuer', async () => {
  const temporary = temporaryDirectory();
  onTestFinished(() => temporary[Symbol.dispose]());
  const authority = (name: string) =>
    unwrap(openLiveAuthority({ directory: `${temporary.path}/${name}`, trustDomain: 'cluster.local' }));
  const [own, other] = [authority('own'), authority('other')];
  const issue = async (from: typeof own) => {
    const spiffeId = 'spiffe://cluster.local/ns/shop/sa/cart';
    const { csrPem } = unwrap(await createKeyAndCsr(spiffeId));
    const { chainPem, serial } = unwrap(await from.certify({ csrPem, spiffeId }));
    const [leaf] = unwrap(parsePem(chainPem.join('')));
    return { serial, der: leaf?.der ?? new Uint8Array() };
  };
  const [good, bad, foreign] = [await issue(own), await issue(own), await issue(other)];
  expect(unwrap(revocationCheck(own.bundle.revocationsPem))(bad.der)).toBe(false);
  unwrap(own.revoke({ serial: bad.serial }));
  unwrap(own.revoke({ serial: foreign.serial }));
  const isRevoked = unwrap(revocationCheck(own.bundle.revocationsPem));
  expect([good, bad, foreign].map(({ der }) => isRevoked(der))).toEqual([false, true, false]);
  expect(isRevoked(Buffer.from('no certificate'))).toBe(true);
  expect(revocationCheck('no list').ok).toBe(false);
});
