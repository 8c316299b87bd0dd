// From one root to the next and back: what is trusted and who signs at every step, also after a start in the middle of one.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createKeyAndCsr } from '../client/key-and-csr.ts';
import { parsePem } from '../der/pem.ts';
import { codeOf, temporaryDirectory, unwrap } from '../testing/fixtures.ts';
import { readCertificate } from '../x509/certificate-reader.ts';
import { type LiveAuthority, openLiveAuthority } from './live-authority.ts';

const ID = 'spiffe://cluster.local/ns/default/sa/reviews';

function directoryOfTest(): string {
  const directory = temporaryDirectory();
  onTestFinished(() => directory[Symbol.dispose]());
  return path.join(directory.path, 'ca');
}

const openAt = (directory: string) => openLiveAuthority({ directory, trustDomain: 'cluster.local' });
const open = (directory: string): LiveAuthority => unwrap(openAt(directory));

/** The issuer that a new leaf names, and whether its chain leads to a trusted root. */
async function leafOf(authority: LiveAuthority) {
  const { csrPem } = unwrap(await createKeyAndCsr(ID));
  const { chainPem } = unwrap(await authority.certify({ csrPem, spiffeId: ID }));
  const [leaf, intermediate] = unwrap(parsePem(chainPem.join(''))).map(({ der }) =>
    unwrap(readCertificate(der)),
  );
  const roots = unwrap(parsePem(authority.bundle.rootsPem.join(''))).map(({ der }) =>
    unwrap(readCertificate(der)),
  );
  const isTrusted = roots.some((root) => intermediate?.x509.verify(root.x509.publicKey) === true);
  return { issuer: leaf?.authorityKeyIdentifier?.toString('hex'), isTrusted };
}

const rootFile = (directory: string): string =>
  fs.readFileSync(path.join(directory, 'root-cert.pem'), 'utf8');

/** What there is at each stage, and after it. */
async function seen(authority: LiveAuthority, directory: string) {
  const { issuer, isTrusted } = await leafOf(authority);
  expect(isTrusted).toBe(true);
  expect(issuer).toBe(authority.bundle.issuer);
  expect(rootFile(directory)).toBe(authority.bundle.rootsPem.join(''));
  return { stage: authority.rotation?.stage ?? 'over', roots: authority.bundle.rootsPem.length, issuer };
}

describe('a rotation', () => {
  test('of a root does not pass for the one of an intermediate that is under way', () => {
    const authority = open(directoryOfTest());
    unwrap(authority.rotate({ kind: 'intermediate', goal: 'retire' }));
    expect(codeOf(authority.rotate({ kind: 'root', goal: 'retire' }))).toBe('other-rotation');
    expect(authority.rotation?.kind).toBe('intermediate');
  });

  test('trusts both, signs anew, and lets go of the old root; every step survives a restart', async () => {
    const directory = directoryOfTest();
    let authority = open(directory);
    const before = authority.bundle;
    const old = before.issuer;
    unwrap(authority.rotate({ kind: 'root', goal: 'retire' }));
    const steps: unknown[] = [];
    for (;;) {
      authority = open(directory);
      const now = await seen(authority, directory);
      steps.push([now.stage, now.roots, now.issuer === old ? 'old' : 'new']);
      if (authority.rotation === undefined) break;
      unwrap(authority.advance());
    }
    expect(steps).toEqual([
      ['trust', 2, 'old'],
      ['reissue', 2, 'new'],
      ['verify', 2, 'new'],
      ['retire', 1, 'new'],
      ['over', 1, 'new'],
    ]);
    expect(authority.bundle.rootsPem).not.toEqual(before.rootsPem);
    expect(fs.readdirSync(directory).sort()).toEqual([
      'ca-cert.pem',
      'ca-key.pem',
      'cert-chain.pem',
      'issued.log',
      'root-cert.pem',
      'root-key.pem',
    ]);
  });

  test.each(['trust', 'reissue', 'verify'] as const)('is undone from %s', async (goal) => {
    const directory = directoryOfTest();
    const authority = open(directory);
    const before = authority.bundle;
    unwrap(authority.rotate({ kind: 'root', goal }));
    while (authority.rotation?.stage !== goal) unwrap(authority.advance());
    expect(unwrap(authority.advance())?.stage).toBe(goal);
    unwrap(authority.rollBack());
    while (authority.rotation !== undefined) {
      expect((await seen(authority, directory)).issuer).toBe(before.issuer);
      unwrap(authority.advance());
    }
    expect(authority.bundle).toEqual(before);
    expect(open(directory).bundle).toEqual(before);
  });

  test('cannot be undone once the old root is retired, nor when there is none', () => {
    const authority = open(directoryOfTest());
    expect(codeOf(authority.rollBack())).toBe('nothing-to-roll-back');
    unwrap(authority.rotate({ kind: 'root', goal: 'retire' }));
    while (authority.rotation?.stage !== 'retire') unwrap(authority.advance());
    expect(codeOf(authority.rollBack())).toBe('nothing-to-roll-back');
  });

  test('of the intermediate keeps what is trusted', async () => {
    const directory = directoryOfTest();
    const authority = open(directory);
    const before = authority.bundle;
    unwrap(authority.rotate({ kind: 'intermediate', goal: 'retire' }));
    while (authority.rotation !== undefined) {
      expect(authority.bundle.hash).toBe(before.hash);
      await seen(authority, directory);
      unwrap(authority.advance());
    }
    expect(authority.bundle.issuer).not.toBe(before.issuer);
  });

  test('to files that somebody else made leaves nothing of the old root behind', async () => {
    const directory = directoryOfTest();
    const other = directoryOfTest();
    open(other);
    fs.rmSync(path.join(other, 'root-key.pem'));
    const authority = open(directory);
    unwrap(authority.rotate({ kind: 'root', goal: 'retire', from: other }));
    while (authority.rotation !== undefined) unwrap(authority.advance());
    expect(rootFile(directory)).toBe(rootFile(other));
    expect(fs.existsSync(path.join(directory, 'root-key.pem'))).toBe(false);
    expect(codeOf(authority.rotate({ kind: 'root', goal: 'retire' }))).toBe('no-root-key');
    await seen(authority, directory);
  });

  test.each(['rsa-2048', 'ecdsa-p384'] as const)(
    'leads to keys of another kind: %s',
    async (keyAlgorithm) => {
      const directory = directoryOfTest();
      const authority = open(directory);
      unwrap(authority.rotate({ kind: 'root', goal: 'retire', keyAlgorithm }));
      while (authority.rotation !== undefined) {
        await seen(authority, directory);
        unwrap(authority.advance());
      }
      const [root] = unwrap(parsePem(rootFile(directory)));
      const { asymmetricKeyType } = unwrap(readCertificate(root?.der ?? Buffer.alloc(0))).x509.publicKey;
      expect(asymmetricKeyType).toBe(keyAlgorithm === 'rsa-2048' ? 'rsa' : 'ec');
    },
  );

  test('keeps the keys to their owner', () => {
    const directory = directoryOfTest();
    const authority = open(directory);
    unwrap(authority.rotate({ kind: 'root', goal: 'retire' }));
    const modes = (): number[] =>
      fs.readdirSync(directory, { recursive: true }).map((name) => {
        const stat = fs.statSync(path.join(directory, String(name)));
        return stat.isDirectory() ? 0 : stat.mode & 0o077;
      });
    while (authority.rotation !== undefined) {
      expect(Math.max(...modes())).toBe(0);
      unwrap(authority.advance());
    }
    expect(Math.max(...modes())).toBe(0);
  });
});

describe('a kill', () => {
  test('before the record leaves an issuer that nobody knows, which goes away', () => {
    const directory = directoryOfTest();
    const before = open(directory).bundle;
    open(path.join(directory, 'next'));
    expect(open(directory).bundle).toEqual(before);
    expect(fs.existsSync(path.join(directory, 'next'))).toBe(false);
  });

  test('after the record and before the files is made good', async () => {
    const directory = directoryOfTest();
    const authority = open(directory);
    unwrap(authority.rotate({ kind: 'root', goal: 'retire' }));
    const record = path.join(directory, 'rotation.json');
    for (const stage of ['reissue', 'verify', 'retire']) {
      fs.writeFileSync(
        record,
        fs.readFileSync(record, 'utf8').replace(/"stage": "\w+"/, `"stage": "${stage}"`),
      );
      expect((await seen(open(directory), directory)).stage).toBe(stage);
    }
  });

  test('while the new files take the place of the old ones is made good', async () => {
    const directory = directoryOfTest();
    const authority = open(directory);
    unwrap(authority.rotate({ kind: 'root', goal: 'retire' }));
    const record = path.join(directory, 'rotation.json');
    fs.writeFileSync(record, fs.readFileSync(record, 'utf8').replace(/"stage": "\w+"/, '"stage": "retire"'));
    fs.copyFileSync(path.join(directory, 'next/ca-key.pem'), path.join(directory, 'ca-key.pem'));
    expect(await seen(open(directory), directory)).toMatchObject({ stage: 'retire', roots: 1 });
  });

  test('that spoilt the record stops the start', () => {
    const directory = directoryOfTest();
    open(directory);
    fs.writeFileSync(path.join(directory, 'rotation.json'), '{');
    expect(codeOf(openAt(directory))).toBe('damaged-authority');
  });
});

describe('files that are replaced', () => {
  test('are read again, and listeners hear of it once', () => {
    const directory = directoryOfTest();
    const other = directoryOfTest();
    const authority = open(directory);
    open(other);
    let changes = 0;
    using _watch = authority.subscribe(() => {
      changes += 1;
    });
    unwrap(authority.reload());
    for (const name of fs.readdirSync(other))
      fs.copyFileSync(path.join(other, name), path.join(directory, name));
    unwrap(authority.reload());
    unwrap(authority.reload());
    expect(changes).toBe(1);
    expect(authority.bundle.rootsPem.join('')).toBe(rootFile(other));
  });

  test('and are not whole leave the last good authority at work', async () => {
    const directory = directoryOfTest();
    const authority = open(directory);
    const { issuer } = authority.bundle;
    fs.writeFileSync(path.join(directory, 'ca-cert.pem'), 'nothing');
    expect(codeOf(authority.reload())).toBe('damaged-authority');
    expect((await leafOf(authority)).issuer).toBe(issuer);
  });
});
