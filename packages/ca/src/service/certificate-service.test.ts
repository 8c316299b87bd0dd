// Over real gRPC and TLS: the authenticated identity is the only name anybody gets.
import { X509Certificate } from 'node:crypto';
import * as grpc from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTokenStore, joinTokenAuthenticator } from '../authenticators/join-tokens.ts';
import { peerCertificateAuthenticator } from '../authenticators/peer-certificate.ts';
import { createKeyAndCsr } from '../client/key-and-csr.ts';
import {
  type CertificateRequest,
  type Credential,
  requestCertificate,
} from '../client/request-certificate.ts';
import { DAY_MS, SECOND_MS } from '../clock.ts';
import { codeOf, enrol, openTestAuthority, temporaryDirectory, unwrap } from '../testing/fixtures.ts';
import type { AuditEvent, CertificateServiceOptions } from './certificate-handler.ts';
import { addCertificateService } from './certificate-service.ts';
import { createServingCredentials } from './serving-credentials.ts';

const REVIEWS = 'spiffe://cluster.local/ns/default/sa/reviews';
const ADMIN = 'spiffe://cluster.local/ns/kube-system/sa/admin';
const OWNER = { namespace: 'default', serviceAccount: 'reviews' };
const ISTIOD = 'spiffe://cluster.local/ns/istio-system/sa/istiod';

interface ServiceChanges {
  readonly clock?: () => number;
  readonly rateLimit?: CertificateServiceOptions['rateLimit'];
  readonly audit?: (event: AuditEvent) => void;
}

async function startService({ clock = Date.now, rateLimit, audit }: ServiceChanges = {}) {
  const directory = temporaryDirectory();
  const authority = openTestAuthority(directory.path);
  const tokens = createTokenStore({ trustDomain: 'cluster.local', clock });
  const events: AuditEvent[] = [];
  const server = new grpc.Server();
  addCertificateService(server, {
    authority,
    authenticators: [
      peerCertificateAuthenticator({ trustDomain: 'cluster.local', issuers: authority.issuers, clock }),
      joinTokenAuthenticator(tokens),
    ],
    clock,
    audit: audit ?? ((event) => void events.push(event)),
    ...(rateLimit === undefined ? {} : { rateLimit }),
  });
  const { rootsPem } = authority;
  const serving = await enrol(authority, ISTIOD);
  const tls = createServingCredentials({ ...serving, rootsPem }, { requireClientCertificate: false });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', tls.credentials, (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  onTestFinished(() => {
    server.forceShutdown();
    directory[Symbol.dispose]();
  });
  const ask = (credential: Credential, csrPem: string, changes: Partial<CertificateRequest> = {}) =>
    requestCertificate({
      address: `127.0.0.1:${port}`,
      rootsPem,
      credential,
      csrPem,
      deadlineMs: 10_000,
      ...changes,
    });
  const authorityAt = (at: () => number) => openTestAuthority(directory.path, { clock: at });
  return { authority, authorityAt, tokens, events, ask, tls, port };
}

const csrFor = async (spiffeId: string) => unwrap(await createKeyAndCsr(spiffeId));
const asCredential = (holder: { certificatesPem: string; privateKeyPem: string }): Credential => ({
  kind: 'certificate',
  ...holder,
});

describe('joining with a token', () => {
  test('gives the identity of the token, once, and tells the audit', async () => {
    const { tokens, ask, events, authority } = await startService();
    const { csrPem, privateKeyPem } = await csrFor(REVIEWS);
    const token = unwrap(tokens.issue(OWNER));
    const received = unwrap(await ask({ kind: 'token', token }, csrPem, { ttlMs: 60 * SECOND_MS }));
    expect(received).toMatchObject({ spiffeId: REVIEWS, rootsPem: authority.rootsPem });
    expect(received.notAfter - received.notBefore).toBe(420 * SECOND_MS);
    expect(codeOf(await ask({ kind: 'token', token }, csrPem))).toBe('certificate-denied');
    expect(events).toMatchObject([
      { kind: 'issued', authenticator: 'join-token', notAfter: received.notAfter },
      { kind: 'denied', reason: 'unauthenticated' },
    ]);
    const told = JSON.stringify(events);
    for (const secret of [token, privateKeyPem.split('\n')[1] ?? '', csrPem.split('\n')[1] ?? '']) {
      expect(told).not.toContain(secret);
    }
    expect(new X509Certificate(received.certificatesPem).serialNumber).toBe(
      events[0]?.kind === 'issued' ? events[0].serial.replace(/^(00)+/, '') : '',
    );
  });

  test('a request for another name gives the own one', async () => {
    const { tokens, ask } = await startService();
    const token = unwrap(tokens.issue(OWNER));
    const received = unwrap(await ask({ kind: 'token', token }, (await csrFor(ADMIN)).csrPem));
    const leaf = new X509Certificate(received.certificatesPem);
    expect(leaf.subjectAltName).toBe(`URI:${REVIEWS}`);
    expect(leaf.ca).toBe(false);
  });

  test('a huge life is cut to the longest allowed', async () => {
    const { tokens, ask } = await startService();
    const token = unwrap(tokens.issue(OWNER));
    const { csrPem } = await csrFor(REVIEWS);
    const received = unwrap(await ask({ kind: 'token', token }, csrPem, { ttlMs: Number.MAX_SAFE_INTEGER }));
    expect(received.notAfter - Date.now()).toBeLessThanOrEqual(24 * 3_600 * SECOND_MS);
  });

  test('nothing without a token, or with a wrong one', async () => {
    const { ask, events } = await startService();
    const { csrPem } = await csrFor(REVIEWS);
    for (const token of ['', 'a b', 'A'.repeat(43)]) {
      expect(codeOf(await ask({ kind: 'token', token }, csrPem))).toBe('certificate-denied');
    }
    expect(events.map((event) => event.kind)).toEqual(['denied', 'denied', 'denied']);
  });
});

describe('renewing with a certificate', () => {
  test('gives the same identity, again and again', async () => {
    const { ask, authority, events } = await startService();
    let holder = await enrol(authority, REVIEWS);
    for (let round = 0; round < 3; round += 1) {
      const { csrPem, privateKeyPem } = await csrFor(ADMIN);
      const received = unwrap(await ask(asCredential(holder), csrPem));
      expect(received.spiffeId).toBe(REVIEWS);
      holder = { ...holder, ...received, privateKeyPem };
    }
    expect(events).toMatchObject(
      Array(3).fill({ kind: 'issued', authenticator: 'peer-certificate', identity: OWNER }),
    );
  });

  test('an expired or early certificate is refused by our own clock', async () => {
    let nowMs = Date.now();
    const { ask, authority, events } = await startService({ clock: () => nowMs });
    const { csrPem } = await csrFor(REVIEWS);
    const holder = await enrol(authority, REVIEWS, 60 * SECOND_MS);
    expect(codeOf(await ask(asCredential(holder), csrPem))).toBe('ok');
    nowMs += 61 * SECOND_MS;
    expect(codeOf(await ask(asCredential(holder), csrPem))).toBe('certificate-denied');
    nowMs -= 600 * SECOND_MS;
    expect(codeOf(await ask(asCredential(holder), csrPem))).toBe('certificate-denied');
    expect(events.map((event) => event.kind)).toEqual(['issued', 'denied', 'denied']);
  });

  test('an expired certificate is refused by TLS, whatever our clock says', async () => {
    const halfDayAgo = () => Date.now() - DAY_MS / 2;
    const { ask, authorityAt } = await startService({ clock: halfDayAgo });
    const expired = await enrol(authorityAt(halfDayAgo), REVIEWS, 60 * SECOND_MS);
    const valid = await enrol(authorityAt(halfDayAgo), REVIEWS, DAY_MS);
    const { csrPem } = await csrFor(REVIEWS);
    expect(codeOf(await ask(asCredential(expired), csrPem))).toBe('certificate-denied');
    expect(codeOf(await ask(asCredential(valid), csrPem))).toBe('ok');
  });

  test('a certificate of the same name from another authority is refused', async () => {
    const { ask } = await startService();
    using directory = temporaryDirectory();
    const stranger = await enrol(openTestAuthority(directory.path), REVIEWS);
    expect(codeOf(await ask(asCredential(stranger), (await csrFor(REVIEWS)).csrPem))).toBe(
      'certificate-denied',
    );
  });

  test('a server that changes its certificate serves on', async () => {
    const { ask, authority, tls } = await startService();
    const holder = asCredential(await enrol(authority, REVIEWS));
    tls.update({ ...(await enrol(authority, ISTIOD)), rootsPem: authority.rootsPem });
    expect(codeOf(await ask(holder, (await csrFor(REVIEWS)).csrPem))).toBe('ok');
  });
});

describe('refusals', () => {
  const statusOf = (port: number, roots: readonly string[], metadata: grpc.Metadata, body: Buffer) =>
    new Promise<{ readonly code: number; readonly details: string }>((resolve) => {
      const client = new grpc.Client(
        `127.0.0.1:${port}`,
        grpc.credentials.createSsl(Buffer.from(roots.join(''))),
      );
      const path = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
      const pass = (bytes: Buffer) => bytes;
      client.makeUnaryRequest(
        path,
        pass,
        pass,
        body,
        metadata,
        { deadline: Date.now() + 10_000 },
        (error) => {
          client.close();
          resolve({ code: error?.code ?? 0, details: error?.details ?? '' });
        },
      );
    });

  const field = (number: number, text: string) =>
    Buffer.concat([Buffer.from([(number << 3) | 2, text.length]), Buffer.from(text)]);

  test('bad requests have a status that says what is wrong with them only', async () => {
    const { tokens, authority, port } = await startService();
    const statusFor = async (body: Buffer) => {
      const metadata = new grpc.Metadata();
      metadata.set('authorization', `Bearer ${unwrap(tokens.issue(OWNER))}`);
      return statusOf(port, authority.rootsPem, metadata, body);
    };
    const bodies = [
      Buffer.from([0xff]),
      Buffer.alloc(0),
      field(1, 'no PEM'),
      Buffer.concat([field(1, ''), Buffer.from([0x18, 1])]),
    ];
    for (const body of bodies) {
      const { code, details } = await statusFor(body);
      expect(code).toBe(grpc.status.INVALID_ARGUMENT);
      expect(details).not.toMatch(/node:|\/|at .*\.ts/);
    }
    const struct = field(4, `\n\x1b\n\x14ImpersonatedIdentity\x12\x03\x1a\x01x`);
    expect(await statusFor(struct)).toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
      details: expect.stringContaining('not yet supported'),
    });
    expect(
      await statusOf(port, authority.rootsPem, new grpc.Metadata(), bodies[2] ?? Buffer.alloc(0)),
    ).toEqual({
      code: grpc.status.UNAUTHENTICATED,
      details: 'no valid credential was presented',
    });
  });

  test('two tokens are no token', async () => {
    const { tokens, authority, port } = await startService();
    const metadata = new grpc.Metadata();
    const [first, second] = [unwrap(tokens.issue(OWNER)), unwrap(tokens.issue(OWNER))];
    metadata.set('authorization', `Bearer ${first}, Bearer ${second}`);
    const { code } = await statusOf(port, authority.rootsPem, metadata, Buffer.alloc(0));
    expect(code).toBe(grpc.status.UNAUTHENTICATED);
  });

  test('one identity cannot ask for ever, others still can', async () => {
    const { ask, authority } = await startService({ rateLimit: { burst: 2, perSecond: 0.001 } });
    const [reviews, ratings] = [
      await enrol(authority, REVIEWS),
      await enrol(authority, 'spiffe://cluster.local/ns/default/sa/ratings'),
    ];
    const { csrPem } = await csrFor(REVIEWS);
    const codes: string[] = [];
    for (const holder of [reviews, reviews, reviews, ratings])
      codes.push(codeOf(await ask(asCredential(holder), csrPem)));
    expect(codes).toEqual(['ok', 'ok', 'certificate-rate-limited', 'ok']);
  });

  test('what cannot be audited is not handed out', async () => {
    const audit = () => {
      throw new Error('the audit is full at /var/log');
    };
    const { ask, authority } = await startService({ audit });
    const answer = await ask(asCredential(await enrol(authority, REVIEWS)), (await csrFor(REVIEWS)).csrPem);
    expect(answer).toMatchObject({ ok: false, diagnostics: [{ code: 'certificate-authority-unavailable' }] });
    expect(JSON.stringify(answer)).not.toContain('/var/log');
  });
});

describe('the client', () => {
  const token: Credential = { kind: 'token', token: 'A'.repeat(43) };

  test('trusts only the roots it was given', async () => {
    const { ask } = await startService();
    using directory = temporaryDirectory();
    const { rootsPem } = openTestAuthority(directory.path);
    const { csrPem } = await csrFor(REVIEWS);
    expect(codeOf(await ask(token, csrPem, { rootsPem }))).toBe('certificate-authority-unavailable');
    expect(codeOf(await ask(token, csrPem, { rootsPem: [] }))).toBe('bad-client-credentials');
    expect(codeOf(await ask({ kind: 'certificate', certificatesPem: 'x', privateKeyPem: 'y' }, csrPem))).toBe(
      'bad-client-credentials',
    );
  });

  test('checks the name of the server', async () => {
    const { ask, authority } = await startService();
    const holder = asCredential(await enrol(authority, REVIEWS));
    const { csrPem } = await csrFor(REVIEWS);
    expect(codeOf(await ask(holder, csrPem, { serverName: 'localhost' }))).toBe('ok');
    expect(codeOf(await ask(holder, csrPem, { serverName: 'other.host' }))).toBe(
      'certificate-authority-unavailable',
    );
  });

  test('gives up at its deadline', async () => {
    const { ask } = await startService();
    const { csrPem } = await csrFor(REVIEWS);
    expect(codeOf(await ask(token, csrPem, { address: '127.0.0.1:1', deadlineMs: 300 }))).toBe(
      'certificate-authority-unavailable',
    );
  });
});
