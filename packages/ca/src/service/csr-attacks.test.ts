// Requests of a caller who is who they are and wants to be somebody else, over real gRPC: each is refused, or gives the caller's own identity and nothing besides.
import { X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTokenStore, joinTokenAuthenticator } from '../authenticators/join-tokens.ts';
import { peerCertificateAuthenticator } from '../authenticators/peer-certificate.ts';
import { createKeyAndCsr } from '../client/key-and-csr.ts';
import { DAY_MS } from '../clock.ts';
import { encodePem, parsePem } from '../der/pem.ts';
import {
  enrol,
  hasOpenssl,
  openssl,
  openTestAuthority,
  temporaryDirectory,
  unwrap,
} from '../testing/fixtures.ts';
import { readCertificate } from '../x509/certificate-reader.ts';
import type { AuditEvent } from './certificate-handler.ts';
import { addCertificateService } from './certificate-service.ts';
import { createServingCredentials } from './serving-credentials.ts';

const MINE = 'spiffe://cluster.local/ns/default/sa/reviews';
const OTHER = 'spiffe://cluster.local/ns/kube-system/sa/admin';
const PATH = '/istio.v1.auth.IstioCertificateService/CreateCertificate';

const directory = temporaryDirectory();
const server = new grpc.Server();
const authority = openTestAuthority(directory.path);
const tokens = createTokenStore({ trustDomain: 'cluster.local' });
const events: AuditEvent[] = [];
let client: grpc.Client;

beforeAll(async () => {
  addCertificateService(server, {
    authority,
    authenticators: [
      peerCertificateAuthenticator({
        trustDomain: 'cluster.local',
        issuers: authority.issuers,
        clock: Date.now,
      }),
      joinTokenAuthenticator(tokens),
    ],
    clock: Date.now,
    audit: (event) => void events.push(event),
    rateLimit: { burst: 60, perSecond: 5 },
  });
  const serving = await enrol(authority, 'spiffe://cluster.local/ns/istio-system/sa/istiod');
  const { rootsPem } = authority;
  const { credentials } = createServingCredentials(
    { ...serving, rootsPem },
    { requireClientCertificate: false },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  client = new grpc.Client(`localhost:${port}`, grpc.credentials.createSsl(Buffer.from(rootsPem.join(''))));
});

afterAll(() => {
  client.close();
  server.forceShutdown();
  directory[Symbol.dispose]();
});

interface Answer {
  readonly code: number;
  readonly details: string;
  readonly body: Buffer;
  readonly tookMs: number;
}

/** One call with bytes as they are. */
function call(body: Buffer, authorization?: string): Promise<Answer> {
  const metadata = new grpc.Metadata();
  if (authorization !== undefined) metadata.set('authorization', authorization);
  const asIs = (bytes: Buffer): Buffer => bytes;
  const beganAt = performance.now();
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + 10_000 };
    client.makeUnaryRequest(PATH, asIs, asIs, body, metadata, options, (error, answer) =>
      resolve({
        code: error?.code ?? 0,
        details: error?.details ?? '',
        body: answer ?? Buffer.alloc(0),
        tookMs: performance.now() - beganAt,
      }),
    );
  });
}

const varint = (value: bigint): Buffer => {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
};

/** IstioCertificateRequest: csr, validity_duration. */
const requestOf = (csr: string, seconds = 0n): Buffer =>
  Buffer.concat([
    Buffer.from([0x0a]),
    varint(BigInt(Buffer.byteLength(csr))),
    Buffer.from(csr),
    Buffer.from([0x18]),
    varint(BigInt.asUintN(64, seconds)),
  ]);

const freshToken = (): string =>
  `Bearer ${unwrap(tokens.issue({ namespace: 'default', serviceAccount: 'reviews' }))}`;

const leafOf = ({ body }: Answer) => {
  const [, pem = ''] =
    /(-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----\n)/.exec(body.toString('latin1')) ?? [];
  return unwrap(readCertificate(unwrap(parsePem(pem))[0]?.der ?? Buffer.alloc(0)));
};

/** Refused, or only what the caller is. */
function expectNothingGained(answer: Answer): void {
  expect(answer.tookMs).toBeLessThan(1_000);
  if (answer.code !== 0) {
    expect(answer.code).toBe(grpc.status.INVALID_ARGUMENT);
    expect(answer.details).not.toContain('node:');
    return;
  }
  const leaf = leafOf(answer);
  expect(leaf.uris).toEqual([MINE]);
  expect(leaf.otherNames).toBe(0);
  expect(leaf.isAuthority).toBe(false);
  expect(leaf.isBarredFromSigning).toBe(true);
  expect(leaf.x509.subject).toBeFalsy();
  expect(leaf.notAfterMs - Date.now()).toBeLessThanOrEqual(DAY_MS);
  expect(new X509Certificate(leaf.der).ca).toBe(false);
}

describe.runIf(hasOpenssl)('a request that asks for more', () => {
  const request = (...args: readonly string[]): string => {
    const key = path.join(directory.path, 'key.pem');
    return openssl(['req', '-new', '-nodes', '-subj', '/', '-keyout', key, ...args]).toString();
  };
  const rsa = ['-newkey', 'rsa:2048'];
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const asking = (extension: string) => request(...ec, '-addext', extension);

  test.each<readonly [string, () => string]>([
    ['another SAN', () => asking(`subjectAltName=URI:${OTHER}`)],
    ['its own SAN and another', () => asking(`subjectAltName=URI:${MINE},URI:${OTHER}`)],
    [
      'many URIs',
      () => asking(`subjectAltName=${Array.from({ length: 50 }, (_, at) => `URI:${OTHER}-${at}`).join()}`),
    ],
    ['a wildcard', () => asking('subjectAltName=DNS:*,DNS:*.cluster.local')],
    ['an address', () => asking('subjectAltName=IP:10.0.0.1,IP:::1')],
    ['a mail address', () => asking('subjectAltName=email:admin@cluster.local')],
    ['a common name only', () => request(...ec, '-subj', '/CN=istiod.istio-system.svc')],
    ['a SPIFFE id as common name', () => request(...ec, '-subj', `/CN=${OTHER.replaceAll('/', '\\/')}`)],
    ['CA:TRUE', () => asking('basicConstraints=critical,CA:TRUE')],
    ['to sign certificates', () => asking('keyUsage=critical,keyCertSign,cRLSign')],
    ['to sign code', () => asking('extendedKeyUsage=codeSigning,OCSPSigning')],
    ['name constraints', () => asking('nameConstraints=permitted;DNS:.cluster.local')],
    ['RSA of 1024 bits', () => request('-newkey', 'rsa:1024')],
    ['an odd curve', () => request('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1')],
    ['P-521', () => request('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-521')],
    ['Ed25519', () => request('-newkey', 'ed25519')],
    ['SHA-1', () => request(...rsa, '-sha1')],
    ['several blocks', () => request(...ec) + request(...ec, '-addext', `subjectAltName=URI:${OTHER}`)],
    ['a certificate beside it', () => request(...ec) + authority.rootsPem.join('')],
    ['a certificate', () => authority.rootsPem.join('')],
    ['text around it', () => `for ${OTHER}\n${request(...ec)}`],
    [
      '16 kB of names',
      () => {
        const names = Array.from({ length: 600 }, (_, at) => `URI.${at}=${OTHER}-${at}`).join('\n');
        const config = path.join(directory.path, 'names.cnf');
        fs.writeFileSync(
          config,
          `[req]\ndistinguished_name=dn\nreq_extensions=ext\n[dn]\n[ext]\nsubjectAltName=@names\n[names]\n${names}\n`,
        );
        return request(...ec, '-config', config);
      },
    ],
    [
      'a signature of somebody else',
      () => {
        const der = Buffer.from(unwrap(parsePem(request(...ec)))[0]?.der ?? '');
        der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
        return encodePem('CERTIFICATE REQUEST', der);
      },
    ],
  ])('gains nothing: %s', async (_, csr) => {
    expectNothingGained(await call(requestOf(csr()), freshToken()));
  });
});

describe('a life', () => {
  test.each([1n, 86_400n, 10n ** 9n, 2n ** 53n, 2n ** 63n - 1n, -1n, -(2n ** 63n)])(
    'of %s seconds is cut or refused',
    async (seconds) => {
      const { csrPem } = unwrap(await createKeyAndCsr(MINE));
      expectNothingGained(await call(requestOf(csrPem, seconds), freshToken()));
    },
  );
});

test('a call that is repeated with its token gets nothing', async () => {
  const { csrPem } = unwrap(await createKeyAndCsr(MINE));
  const token = freshToken();
  expect((await call(requestOf(csrPem), token)).code).toBe(0);
  expect((await call(requestOf(csrPem), token)).code).toBe(grpc.status.UNAUTHENTICATED);
});

test('tokens that are none cost nothing', async () => {
  const { csrPem } = unwrap(await createKeyAndCsr(MINE));
  const real = freshToken();
  const lists = [
    ...['', 'Bearer', 'Bearer ', 'Basic YTpi', 'bearer x y', 'Bearer x,Bearer y', `${real}, ${freshToken()}`],
    ...['Bearer eyJhbGciOiJub25lIn0.e30.', `Bearer ${'A'.repeat(43)}`, `Bearer ${'A'.repeat(7_000)}`],
    ...[real.slice(0, -1), `${real}A`, real.toUpperCase(), 'Bearer ../../etc/passwd', 'Bearer __proto__'],
  ];
  for (const authorization of lists) {
    const answer = await call(requestOf(csrPem), authorization);
    expect([authorization, answer.code]).toEqual([authorization, grpc.status.UNAUTHENTICATED]);
    expect(answer.details).toBe('no valid credential was presented');
  }
  const took: number[] = [];
  for (let round = 0; round < 20; round += 1)
    took.push((await call(requestOf(csrPem), 'Bearer eyJhbGciOiJub25lIn0.e30.')).tookMs);
  expect(Math.min(...took)).toBeLessThan(50);
});

test('a thousand requests of one identity are cut to its share, and nobody else waits', async () => {
  const { csrPem } = unwrap(await createKeyAndCsr(MINE));
  const flood = Array.from({ length: 1_000 }, () => call(requestOf(csrPem), freshToken()));
  const other = unwrap(tokens.issue({ namespace: 'default', serviceAccount: 'ratings' }));
  const answered = await call(requestOf(csrPem), `Bearer ${other}`);
  const codes = (await Promise.all(flood)).map(({ code }) => code);
  expect(codes.filter((code) => code === 0).length).toBeLessThan(200);
  expect(codes.filter((code) => code === grpc.status.RESOURCE_EXHAUSTED).length).toBeGreaterThan(800);
  expect(answered.code).toBe(0);
  expect(leafOf(answered).uris).toEqual(['spiffe://cluster.local/ns/default/sa/ratings']);
  const issued = events.filter((event) => event.kind === 'issued');
  expect(issued.every(({ identity }) => ['reviews', 'ratings'].includes(identity.serviceAccount))).toBe(true);
});
