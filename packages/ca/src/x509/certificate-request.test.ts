// Of a request only the key counts, and only when the request proves to hold its private half.
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAuthorityFiles } from '../authority/authority-creation.ts';
import { createKeyAndCsr, type KeyAlgorithm } from '../client/key-and-csr.ts';
import { encodePem, parsePem } from '../der/pem.ts';
import { decodeDer } from '../der/reader.ts';
import { bitString, explicit, sequence, smallInteger } from '../der/writer.ts';
import {
  codeOf,
  hasOpenssl,
  openssl,
  openTestAuthority,
  temporaryDirectory,
  unwrap,
} from '../testing/fixtures.ts';
import { MAX_CSR_BYTES, parseCsr, writeCsr } from './certificate-request.ts';
import { signerFor } from './signature-algorithm.ts';

const ID = 'spiffe://cluster.local/ns/default/sa/reviews';
const derOf = (pem: string): Buffer => unwrap(parsePem(pem))[0]?.der ?? Buffer.alloc(0);
const asPem = (der: Uint8Array): string => encodePem('CERTIFICATE REQUEST', der);
const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

describe.each<KeyAlgorithm>(['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-3072'])(
  'our own %s request',
  (algorithm) => {
    test('is accepted with its key', async () => {
      const { csrPem, privateKeyPem } = unwrap(await createKeyAndCsr(ID, algorithm));
      const { key, spki } = unwrap(parseCsr(csrPem));
      expect(key.equals(createPublicKey(privateKeyPem))).toBe(true);
      expect(spkiOf(key)).toEqual(spki);
    });

    test.runIf(hasOpenssl)('is verified by openssl', async () => {
      const { csrPem } = unwrap(await createKeyAndCsr(ID, algorithm));
      const text = openssl(['req', '-verify', '-noout', '-text'], csrPem).toString();
      expect(text).toContain(`URI:${ID}`);
      expect(text).toContain('X509v3 Subject Alternative Name: critical');
    });
  },
);

// Written by crypto/x509 of Go from the template of Istio's agents: an empty organization, the SPIFFE id as critical URI name.
test.each(['rsa', 'p256', 'p384'])(
  'a request of a stock agent (%s) is accepted, and certified',
  async (kind) => {
    const file = new URL(`../testing/go-requests/${kind}.csr`, import.meta.url);
    const csrPem = fs.readFileSync(file, 'utf8');
    expect(unwrap(parseCsr(csrPem)).key.asymmetricKeyType).toBe(kind === 'rsa' ? 'rsa' : 'ec');
    using directory = temporaryDirectory();
    for (const keyAlgorithm of ['rsa-2048', 'ecdsa-p384'] as const) {
      const below = path.join(directory.path, keyAlgorithm, 'ca');
      const settings = { trustDomain: 'cluster.local', clock: Date.now, randomBytes, keyAlgorithm };
      fs.mkdirSync(below, { recursive: true });
      for (const [name, text] of Object.entries(createAuthorityFiles(settings)))
        fs.writeFileSync(path.join(below, name), text, { mode: 0o600 });
      const authority = openTestAuthority(path.dirname(below));
      expect(authority.isNew).toBe(false);
      const { certificatesPem } = unwrap(await authority.certify({ csrPem, spiffeId: ID }));
      const leaf = new X509Certificate(certificatesPem);
      expect(leaf.subjectAltName).toBe(`URI:${ID}`);
      expect(leaf.verify(authority.issuers[0]?.publicKey ?? leaf.publicKey)).toBe(true);
    }
  },
);

describe.runIf(hasOpenssl)('requests of openssl', () => {
  const request = (...args: readonly string[]): string => {
    using directory = temporaryDirectory();
    const key = path.join(directory.path, 'key.pem');
    return openssl(['req', '-new', '-nodes', '-subj', '/', '-keyout', key, ...args]).toString();
  };

  test.each([
    ['RSA 2048', ['-newkey', 'rsa:2048']],
    ['P-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384']],
    [
      'another SAN',
      ['-newkey', 'rsa:2048', '-addext', 'subjectAltName=URI:spiffe://cluster.local/ns/kube-system/sa/admin'],
    ],
    ['many URIs', ['-newkey', 'rsa:2048', '-addext', `subjectAltName=URI:${ID},URI:spiffe://a/ns/b/sa/c`]],
    [
      'a wildcard and an IP',
      ['-newkey', 'rsa:2048', '-addext', 'subjectAltName=DNS:*.cluster.local,IP:10.0.0.1'],
    ],
    ['CA:TRUE', ['-newkey', 'rsa:2048', '-addext', 'basicConstraints=critical,CA:TRUE']],
    ['a common name', ['-newkey', 'rsa:2048', '-subj', '/CN=istiod.istio-system.svc']],
    ['SHA-512', ['-newkey', 'rsa:2048', '-sha512']],
    ['the old label', ['-newkey', 'rsa:2048', '-newhdr']],
  ])('%s: the key is taken', (_, args) => {
    expect(codeOf(parseCsr(request(...args)))).toBe('ok');
  });

  test.each([
    ['RSA 1024', 'unsupported-public-key', ['-newkey', 'rsa:1024']],
    ['P-521', 'unsupported-public-key', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-521']],
    ['secp256k1', 'unsupported-public-key', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1']],
    [
      'explicit parameters',
      'unsupported-public-key',
      ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit'],
    ],
    ['Ed25519', 'unsupported-public-key', ['-newkey', 'ed25519']],
    ['SHA-1', 'bad-certificate-request', ['-newkey', 'rsa:2048', '-sha1']],
    ['RSA-PSS', 'bad-certificate-request', ['-newkey', 'rsa:2048', '-sigopt', 'rsa_padding_mode:pss']],
    [
      'an RSA exponent of 3',
      'unsupported-public-key',
      ['-newkey', 'rsa:2048', '-pkeyopt', 'rsa_keygen_pubexp:3'],
    ],
  ])('%s is refused', (_, code, args) => {
    expect(codeOf(parseCsr(request(...args)))).toBe(code);
  });

  test('16 kB of names are refused by their size', () => {
    using directory = temporaryDirectory();
    const config = path.join(directory.path, 'csr.cnf');
    const names = Array.from(
      { length: 600 },
      (_, at) => `URI.${at}=spiffe://cluster.local/ns/a/sa/name-${at}`,
    );
    fs.writeFileSync(
      config,
      `[req]\ndistinguished_name=dn\nreq_extensions=ext\n[dn]\n[ext]\nsubjectAltName=@names\n[names]\n${names.join('\n')}\n`,
    );
    const pem = request('-newkey', 'rsa:2048', '-config', config);
    expect(pem.length).toBeGreaterThan(MAX_CSR_BYTES);
    expect(codeOf(parseCsr(pem))).toBe('bad-certificate-request');
  });
});

describe('damaged and dishonest requests', () => {
  test('a signature by another key', () => {
    const pem = writeCsr(spkiOf(p256().publicKey), ID, signerFor(p256().privateKey));
    expect(codeOf(parseCsr(pem))).toBe('bad-certificate-request');
  });

  test('every flipped bit of the encoding', async () => {
    const der = derOf(unwrap(await createKeyAndCsr(ID)).csrPem);
    const accepted = Array.from({ length: der.length * 8 }, (_, bit) => {
      const flipped = Buffer.from(der);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return parseCsr(asPem(flipped)).ok;
    });
    expect(accepted).not.toContain(true);
  });

  test('other than one block', async () => {
    const { csrPem, privateKeyPem } = unwrap(await createKeyAndCsr(ID));
    const relabelled = csrPem.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE');
    for (const pem of [
      '',
      csrPem + csrPem,
      csrPem + privateKeyPem,
      privateKeyPem,
      relabelled,
      `x\n${csrPem}`,
    ]) {
      expect(codeOf(parseCsr(pem))).toBe('bad-certificate-request');
    }
    expect(codeOf(parseCsr(`${csrPem}\n\n`))).toBe('ok');
  });

  test('another version, missing parts, parts too many', () => {
    const { privateKey, publicKey } = p256();
    const signer = signerFor(privateKey);
    const spki = spkiOf(publicKey);
    const attributes = explicit(0);
    const build = (...fields: readonly Uint8Array[]): string => {
      const signed = sequence(...fields);
      return asPem(sequence(signed, signer.identifier, bitString(signer.sign(signed))));
    };
    expect(codeOf(parseCsr(build(smallInteger(0), sequence(), spki, attributes)))).toBe('ok');
    expect(codeOf(parseCsr(build(smallInteger(0), sequence(), spki)))).toBe('ok');
    const bad = [
      build(smallInteger(1), sequence(), spki, attributes),
      build(sequence(), spki, attributes),
      build(smallInteger(0), sequence(), spki, attributes, attributes),
      build(smallInteger(0), sequence(), spki, sequence()),
      build(smallInteger(0), sequence()),
      build(),
    ];
    expect(bad.map((pem) => codeOf(parseCsr(pem)))).toEqual(bad.map(() => 'bad-certificate-request'));
  });

  test('a point off the curve, a compressed point, the point at infinity', () => {
    const { privateKey, publicKey } = p256();
    const spki = spkiOf(publicKey);
    const header = spki.subarray(0, -65);
    const off = Buffer.concat([header, Buffer.from([4]), createHash('sha512').update('x').digest()]);
    expect(codeOf(parseCsr(writeCsr(off, ID, signerFor(privateKey))))).toBe('unsupported-public-key');
    const [algorithm] = unwrap(decodeDer(spki)).children;
    const point = spki.subarray(-65);
    const compressed = Buffer.from([2 + ((point[64] ?? 0) & 1), ...point.subarray(1, 33)]);
    for (const bits of [compressed, Buffer.from([0])]) {
      const odd = sequence(algorithm?.bytes ?? Buffer.alloc(0), bitString(bits));
      expect(codeOf(parseCsr(writeCsr(odd, ID, signerFor(privateKey))))).toBe('unsupported-public-key');
    }
  });

  test('an algorithm of the other kind of key', () => {
    const { privateKey, publicKey } = p256();
    const rsa = signerFor(generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey);
    const mixed = {
      identifier: rsa.identifier,
      sign: (bytes: Uint8Array) => sign('sha256', bytes, privateKey),
    };
    expect(codeOf(parseCsr(writeCsr(spkiOf(publicKey), ID, mixed)))).toBe('bad-certificate-request');
  });

  test('random text and random DER never throw', async () => {
    const der = derOf(unwrap(await createKeyAndCsr(ID)).csrPem);
    fc.assert(
      fc.property(
        fc.nat({ max: der.length }),
        fc.uint8Array({ maxLength: 8 }),
        fc.nat({ max: 8 }),
        (at, put, skip) => {
          parseCsr(asPem(Buffer.concat([der.subarray(0, at), put, der.subarray(at + skip)])));
        },
      ),
      { numRuns: 1_000 },
    );
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => !parseCsr(text).ok));
  });
});
