// What the authority signs is what it was asked for by the right people, and real TLS believes it.
import { X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as tls from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createKeyAndCsr } from '../client/key-and-csr.ts';
import { DAY_MS, MINUTE_MS, YEAR_MS } from '../clock.ts';
import { parsePem } from '../der/pem.ts';
import {
  codeOf,
  enrol,
  hasOpenssl,
  openssl,
  openTestAuthority,
  temporaryDirectory,
  unwrap,
} from '../testing/fixtures.ts';
import { readCertificate } from '../x509/certificate-reader.ts';
import { parseCsr } from '../x509/certificate-request.ts';
import { openAuthority } from './authority.ts';

const ID = 'spiffe://cluster.local/ns/default/sa/reviews';
const publicKey = async () => unwrap(parseCsr(unwrap(await createKeyAndCsr(ID)).csrPem));
const factsOf = (pem: string) => unwrap(readCertificate(unwrap(parsePem(pem))[0]?.der ?? Buffer.alloc(0)));

function directoryOfTest(): string {
  const directory = temporaryDirectory();
  onTestFinished(() => directory[Symbol.dispose]());
  return directory.path;
}

describe('a leaf', () => {
  test('says who it is for, and nothing else', async () => {
    const nowMs = Date.UTC(2026, 10, 21, 12, 0, 0) + 345;
    const authority = openTestAuthority(directoryOfTest(), { clock: () => nowMs });
    const issued = unwrap(authority.issue({ publicKey: await publicKey(), spiffeId: ID, ttlMs: 60_000 }));
    const facts = factsOf(issued.chainPem[0] ?? '');
    expect(facts).toMatchObject({
      uris: [ID],
      otherNames: 0,
      isAuthority: false,
      notBeforeMs: nowMs - 345 - 6 * MINUTE_MS,
      notAfterMs: nowMs - 345 + 60_000,
    });
    expect(issued).toMatchObject({ notBefore: facts.notBeforeMs, notAfter: facts.notAfterMs });
    expect(facts.x509.serialNumber).toBe(issued.serial.replace(/^(00)+/, ''));
    expect(facts.x509.subject).toBeFalsy();
    expect(issued.chainPem).toHaveLength(3);
    expect(issued.chainPem[2]).toBe(authority.rootsPem.join(''));
    expect(issued.certificatesPem).toBe(issued.chainPem.slice(0, 2).join(''));
  });

  test.runIf(hasOpenssl)('is verified by openssl, with the extensions of a workload', async () => {
    const directory = directoryOfTest();
    const authority = openTestAuthority(directory);
    const { chainPem } = unwrap(authority.issue({ publicKey: await publicKey(), spiffeId: ID }));
    const files = ['leaf.pem', 'intermediate.pem', 'root.pem'].map((name) => path.join(directory, name));
    for (const [at, file] of files.entries()) fs.writeFileSync(file, chainPem[at] ?? '');
    const [leaf = '', intermediate = '', root = ''] = files;
    openssl([
      'verify',
      '-x509_strict',
      '-purpose',
      'sslclient',
      '-CAfile',
      root,
      '-untrusted',
      intermediate,
      leaf,
    ]);
    openssl([
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-CAfile',
      root,
      '-untrusted',
      intermediate,
      leaf,
    ]);
    const text = openssl(['x509', '-in', leaf, '-noout', '-text']).toString().replace(/\s+/g, ' ');
    expect(text).toContain(
      'X509v3 Subject Alternative Name: critical URI:spiffe://cluster.local/ns/default/sa/reviews',
    );
    expect(text).toContain('X509v3 Basic Constraints: critical CA:FALSE');
    expect(text).toContain('X509v3 Key Usage: critical Digital Signature, Key Encipherment X509v3');
    expect(text).toContain('TLS Web Server Authentication, TLS Web Client Authentication');
    expect(text).toMatch(/Subject: X509v3|Subject: Subject Public Key/);
  });

  test('lives as long as asked, allowed and possible', async () => {
    const startMs = Date.UTC(2026, 0, 1);
    let nowMs = startMs;
    const authority = openTestAuthority(directoryOfTest(), {
      clock: () => nowMs,
      leafTtlMs: DAY_MS,
      maxTtlMs: 7 * DAY_MS,
    });
    const key = await publicKey();
    const lifeOf = (ttlMs?: number) => {
      const issued = authority.issue({
        publicKey: key,
        spiffeId: ID,
        ...(ttlMs === undefined ? {} : { ttlMs }),
      });
      return issued.ok ? issued.value.notAfter - nowMs : codeOf(issued);
    };
    expect([lifeOf(), lifeOf(30_000), lifeOf(100 * YEAR_MS), lifeOf(Number.POSITIVE_INFINITY)]).toEqual([
      DAY_MS,
      30_000,
      7 * DAY_MS,
      7 * DAY_MS,
    ]);
    expect([lifeOf(0), lifeOf(-1), lifeOf(999), lifeOf(Number.NaN)]).toEqual(
      Array(4).fill('bad-certificate-ttl'),
    );
    nowMs = authority.notAfter - 5_000;
    expect(lifeOf()).toBe(5_000);
    nowMs = authority.notAfter;
    expect(lifeOf()).toBe('authority-expired');
    expect(authority.notAfter).toBe(startMs + 3 * YEAR_MS);
  });

  test('is refused to a stranger', async () => {
    const authority = openTestAuthority(directoryOfTest());
    const key = await publicKey();
    const codes = ['spiffe://other.domain/ns/a/sa/b', 'spiffe://cluster.local/ns/a/sa/%2e', ''].map(
      (spiffeId) => codeOf(authority.issue({ publicKey: key, spiffeId })),
    );
    expect(codes).toEqual(['foreign-trust-domain', 'bad-identity', 'bad-spiffe-id']);
  });

  test('has a serial of its own', async () => {
    const authority = openTestAuthority(directoryOfTest());
    const key = await publicKey();
    const serials = Array.from(
      { length: 50 },
      () => unwrap(authority.issue({ publicKey: key, spiffeId: ID })).serial,
    );
    expect(new Set(serials).size).toBe(50);
    expect(serials.every((serial) => /^[0-9A-F]{20,32}$/.test(serial))).toBe(true);
  });
});

describe('a serving certificate', () => {
  test('has the names clients dial', async () => {
    const authority = openTestAuthority(directoryOfTest());
    const request = { publicKey: await publicKey(), spiffeId: ID };
    const issued = unwrap(
      authority.issueServer({
        ...request,
        dnsNames: ['istiod.istio-system.svc', '*.mesh.local'],
        ipAddresses: ['127.0.0.1', '::1', 'fd00:1::ab', '::ffff:10.1.2.3'],
      }),
    );
    const certificate = new X509Certificate(issued.chainPem[0] ?? '');
    expect(certificate.checkHost('istiod.istio-system.svc')).toBeDefined();
    expect(certificate.checkHost('a.mesh.local')).toBeDefined();
    expect(certificate.checkHost('reviews')).toBeUndefined();
    for (const address of ['127.0.0.1', '::1', 'fd00:1:0::ab', '::ffff:10.1.2.3']) {
      expect(certificate.checkIP(address)).toBeDefined();
    }
    expect(codeOf(authority.issueServer({ ...request, dnsNames: ['a b'] }))).toBe('bad-dns-name');
    expect(codeOf(authority.issueServer({ ...request, dnsNames: ['127.0.0.1'] }))).toBe('bad-dns-name');
    expect(codeOf(authority.issueServer({ ...request, ipAddresses: ['localhost'] }))).toBe('bad-ip-address');
  });
});

test('both ends of real TLS verify each other with the root alone', async () => {
  const authority = openTestAuthority(directoryOfTest());
  const server = await enrol(authority, 'spiffe://cluster.local/ns/default/sa/ratings');
  const client = await enrol(authority, ID);
  const ca = [...authority.rootsPem];
  let seen: string | undefined;
  const listener = tls.createServer(
    {
      cert: server.certificatesPem,
      key: server.privateKeyPem,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => {
      seen = socket.getPeerCertificate().subjectaltname;
      socket.end('hello');
    },
  );
  onTestFinished(() => void listener.close());
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  const socket = tls.connect({
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    host: '127.0.0.1',
    ca,
    cert: client.certificatesPem,
    key: client.privateKeyPem,
  });
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe('hello');
  expect(socket.authorized).toBe(true);
  expect(seen).toContain(`URI:${ID}`);
});

describe('opening', () => {
  test('makes an authority once and keeps it', () => {
    const directory = directoryOfTest();
    const first = openTestAuthority(directory);
    const second = openTestAuthority(directory);
    expect([first.isNew, second.isNew]).toEqual([true, false]);
    expect(second.rootsPem).toEqual(first.rootsPem);
    const ca = path.join(directory, 'ca');
    expect(fs.statSync(ca).mode & 0o777).toBe(0o700);
    expect(fs.readdirSync(ca).sort()).toEqual([
      'ca-cert.pem',
      'ca-key.pem',
      'cert-chain.pem',
      'root-cert.pem',
      'root-key.pem',
    ]);
    for (const name of fs.readdirSync(ca)) expect(fs.statSync(path.join(ca, name)).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(directory)).toEqual(['ca']);
  });

  test('takes an empty directory and missing parents', () => {
    const directory = directoryOfTest();
    fs.mkdirSync(path.join(directory, 'ca'));
    expect(openTestAuthority(directory).isNew).toBe(true);
    expect(openTestAuthority(path.join(directory, 'a/b')).isNew).toBe(true);
  });

  test('two authorities share nothing', () => {
    expect(openTestAuthority(directoryOfTest()).rootsPem).not.toEqual(
      openTestAuthority(directoryOfTest()).rootsPem,
    );
  });

  test('refuses what the options cannot mean', () => {
    const directory = path.join(directoryOfTest(), 'ca');
    const open = (options: object) =>
      codeOf(openAuthority({ directory, trustDomain: 'cluster.local', ...options }));
    expect(open({ trustDomain: 'Cluster/local' })).toBe('bad-trust-domain');
    expect(open({ leafTtlMs: 10 })).toBe('bad-certificate-ttl');
    expect(open({ leafTtlMs: 2 * DAY_MS, maxTtlMs: DAY_MS })).toBe('bad-certificate-ttl');
    expect(fs.existsSync(directory)).toBe(false);
  });

  test('says when the place cannot be written', () => {
    const file = path.join(directoryOfTest(), 'file');
    fs.writeFileSync(file, '');
    const opened = openAuthority({ directory: path.join(file, 'ca'), trustDomain: 'cluster.local' });
    expect(opened).toMatchObject({ ok: false, diagnostics: [{ origin: { file: path.join(file, 'ca') } }] });
  });

  test('warns before the intermediate expires, and refuses after', () => {
    const directory = directoryOfTest();
    let nowMs = Date.UTC(2026, 0, 1);
    const { notAfter } = openTestAuthority(directory, { clock: () => nowMs });
    const open = () =>
      openAuthority({
        directory: path.join(directory, 'ca'),
        trustDomain: 'cluster.local',
        clock: () => nowMs,
      });
    expect(open()).toMatchObject({ ok: true, warnings: [] });
    nowMs = notAfter - 100 * DAY_MS;
    expect(open()).toMatchObject({
      ok: true,
      warnings: [{ severity: 'warning', code: 'authority-expires-soon' }],
    });
    nowMs = notAfter;
    expect(codeOf(open())).toBe('authority-expired');
    nowMs = Date.UTC(2020, 0, 1);
    expect(codeOf(open())).toBe('authority-not-yet-valid');
  });
});
