// The signing thread: the same certificates as here, every call ends whatever becomes of the thread, and the next one is served.
import { X509Certificate } from 'node:crypto';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openAuthority } from '../authority/authority.ts';
import { createKeyAndCsr, type KeyAlgorithm } from '../client/key-and-csr.ts';
import { openLiveAuthority } from '../rotation/live-authority.ts';
import { codeOf, temporaryDirectory, unwrap } from '../testing/fixtures.ts';
import { parseCsr } from '../x509/certificate-request.ts';
import { openSigningThread, type SigningThreadOptions, startSigningWorker } from './signing-thread.ts';

const ID = 'spiffe://cluster.local/ns/default/sa/reviews';
const trustDomain = 'cluster.local';

function threadOfTest(options: SigningThreadOptions = {}) {
  const temporary = temporaryDirectory();
  const thread = openSigningThread(options);
  onTestFinished(() => {
    thread[Symbol.dispose]();
    temporary[Symbol.dispose]();
  });
  const directory = path.join(temporary.path, 'ca');
  return { thread, settings: { directory, trustDomain, requestSigner: thread } };
}

/** A thread that does as the text says. */
const program = (text: string) => () => new Worker(text, { eval: true });
const csrOf = async (algorithm?: KeyAlgorithm) => unwrap(await createKeyAndCsr(ID, algorithm)).csrPem;

describe('a certificate from the thread', () => {
  test.each(['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'] as const)(
    'says what one from here says, and the issuer vouches for it: %s',
    async (algorithm) => {
      const { settings } = threadOfTest();
      const authority = unwrap(openAuthority({ ...settings, clock: () => 1_800_000_000_000 }));
      const csrPem = await csrOf(algorithm);
      const publicKey = unwrap(parseCsr(csrPem));
      const [there, here] = [
        unwrap(await authority.certify({ csrPem, spiffeId: ID, ttlMs: 60_000 })),
        unwrap(authority.issue({ publicKey, spiffeId: ID, ttlMs: 60_000 })),
      ].map((issued) => ({ issued, leaf: new X509Certificate(issued.certificatesPem) }));
      const facts = ({ subjectAltName, subject, validFrom, validTo, issuer, ca }: X509Certificate) => ({
        ...{ subjectAltName, subject, validFrom, validTo, issuer, ca },
      });
      expect(there && facts(there.leaf)).toEqual(here && facts(here.leaf));
      expect(there?.leaf.publicKey.equals(publicKey.key)).toBe(true);
      expect(there?.leaf.verify(authority.issuers[0]?.publicKey ?? publicKey.key)).toBe(true);
      expect(there?.issued.chainPem.slice(1)).toEqual(here?.issued.chainPem.slice(1));
    },
  );

  test('is for the identity that was decided, and refused as here when the request is bad', async () => {
    const { settings, thread } = threadOfTest();
    const authority = unwrap(openLiveAuthority(settings));
    const csrPem = await csrOf();
    expect(codeOf(await authority.certify({ csrPem: 'x', spiffeId: ID }))).toBe('bad-certificate-request');
    expect(codeOf(await authority.certify({ csrPem, spiffeId: 'spiffe://b/ns/a/sa/b' }))).toBe(
      'foreign-trust-domain',
    );
    expect(unwrap(await thread.check(csrPem)).spki).toEqual(unwrap(parseCsr(csrPem)).spki);
    expect(codeOf(await thread.check('x'))).toBe('bad-certificate-request');
    expect(thread.waiting).toBe(0);
  });

  test('is of who signs at the moment, also when that changes while requests wait', async () => {
    const { settings } = threadOfTest();
    const authority = unwrap(openLiveAuthority(settings));
    const csrPem = await csrOf();
    const order = { csrPem, spiffeId: ID };
    const issuerOf = async (asked: ReturnType<typeof authority.certify>) =>
      unwrap(await asked).chainPem.slice(1);
    const before = await issuerOf(authority.certify(order));
    unwrap(authority.rotate({ kind: 'intermediate', goal: 'retire' }));
    const waiting = Array.from({ length: 20 }, () => issuerOf(authority.certify(order)));
    while (authority.rotation !== undefined && authority.rotation.stage !== 'retire')
      unwrap(authority.advance());
    const after = await issuerOf(authority.certify(order));
    expect(after).not.toEqual(before);
    for (const chain of await Promise.all(waiting)) expect(chain).toEqual(after);
  });

  test('is given to nobody whose identity is taken back while the request waits', async () => {
    const { settings } = threadOfTest();
    const authority = unwrap(openLiveAuthority(settings));
    const asked = authority.certify({ csrPem: await csrOf(), spiffeId: ID });
    unwrap(authority.revoke({ identity: ID }));
    expect(codeOf(await asked)).toBe('identity-revoked');
  });
});

describe('a thread', () => {
  test('that dies refuses what waits, and another one serves', async () => {
    const problems: string[] = [];
    let starts = 0;
    const dying = program("require('node:worker_threads').parentPort.once('message', () => process.exit(1))");
    const { thread } = threadOfTest({
      start: () => {
        starts += 1;
        return starts === 1 ? dying() : startSigningWorker();
      },
      onProblem: ({ code }) => void problems.push(code),
    });
    const csrPem = await csrOf();
    const codes = (await Promise.all([1, 2, 3].map(() => thread.check(csrPem)))).map(codeOf);
    expect(codes).toEqual(Array(3).fill('signer-unavailable'));
    expect(codeOf(await thread.check(csrPem))).toBe('ok');
    expect(problems).toEqual(['signer-unavailable']);
    expect(starts).toBe(2);
  });

  test('that dies again and again is not started for each request', async () => {
    let starts = 0;
    const { thread } = threadOfTest({
      start: () => {
        starts += 1;
        throw new Error('no program');
      },
    });
    const csrPem = await csrOf();
    for (let call = 0; call < 100; call += 1) {
      expect(codeOf(await thread.check(csrPem))).toBe('signer-unavailable');
    }
    expect(starts).toBeLessThan(10);
  });

  test('that throws is one that ended', async () => {
    const { thread } = threadOfTest({ start: program("throw new Error('bad program')") });
    expect(codeOf(await thread.check(await csrOf()))).toBe('signer-unavailable');
  });

  test('that says nothing is ended when the time is over', async () => {
    const { thread } = threadOfTest({ start: program('setInterval(() => {}, 1000)'), timeoutMs: 200 });
    const csrPem = await csrOf();
    expect(await Promise.all([thread.check(csrPem), thread.check(csrPem)])).toMatchObject([
      { ok: false },
      { ok: false },
    ]);
    expect(thread.waiting).toBe(0);
  });

  test('takes no more than it may hold, and what is closed answers too', async () => {
    const { thread } = threadOfTest({ start: program('setInterval(() => {}, 1000)'), mostWaiting: 2 });
    const csrPem = await csrOf();
    const asked = [1, 2, 3].map(() => thread.check(csrPem));
    expect(codeOf((await asked[2]) ?? unwrap({ ok: false, diagnostics: [] }))).toBe('signing-busy');
    thread[Symbol.dispose]();
    expect((await Promise.all(asked)).map(codeOf)).toEqual([
      'signer-unavailable',
      'signer-unavailable',
      'signing-busy',
    ]);
    expect(codeOf(await thread.check(csrPem))).toBe('signer-unavailable');
  });
});
