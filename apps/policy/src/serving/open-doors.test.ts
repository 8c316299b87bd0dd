// Who comes in where, over real TLS: proxies by the protocol that only they offer, programs by certificate or token, nobody without either, and nobody whose certificate was taken back.
import type { ConnectionOptions } from 'node:tls';
import { create } from '@bufbuild/protobuf';
import { createKeyAndCsr, openLiveAuthority } from '@xebec/ca';
import { temporaryDirectory, unwrap } from '@xebec/ca/testing';
import { createEdgeBoard, proxyProtocol } from '@xebec/policy';
import { encode } from '@xebec/protos';
import { AccessLogService } from '@xebec/protos/envoy/service/accesslog/v3/als_pb';
import { Authorization, CheckRequestSchema } from '@xebec/protos/envoy/service/auth/v3/external_auth_pb';
import { RateLimitQuotaService } from '@xebec/protos/envoy/service/rate_limit_quota/v3/rlqs_pb';
import { RateLimitService } from '@xebec/protos/envoy/service/ratelimit/v3/rls_pb';
import { Policy } from '@xebec/protos/xebec/policy/v1/policy_pb';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pathOf } from '../doors/rpc/unary.ts';
import { FakeEngine } from '../doors/testing/fake-engine.ts';
import { shopWorkloads } from '../doors/testing/shop-workloads.ts';
import { testVocabulary } from '../doors/testing/vocabulary.ts';
import type { IdentityMaterial, PolicyIdentity } from '../identity/identity.ts';
import { openProgramTokens } from '../identity/program-tokens.ts';
import { type OpenDoors, openDoors } from './open-doors.ts';
import { openTls, rawCall, rawJson } from './testing/raw-grpc.ts';

const temporary = temporaryDirectory();
const authority = unwrap(
  openLiveAuthority({ directory: `${temporary.path}/ca`, trustDomain: 'cluster.local' }),
);

async function enrolled(spiffeId: string, at = authority) {
  const { csrPem, privateKeyPem } = unwrap(await createKeyAndCsr(spiffeId));
  const { chainPem, serial } = unwrap(await at.certify({ csrPem, spiffeId }));
  return { certificatesPem: chainPem.join(''), privateKeyPem, serial };
}

type Enrolled = Awaited<ReturnType<typeof enrolled>>;

class FixedIdentity implements PolicyIdentity {
  current: IdentityMaterial;
  readonly #listeners = new Set<(material: IdentityMaterial) => void>();
  constructor(own: Enrolled) {
    this.current = {
      ...own,
      ...{ rootsPem: authority.rootsPem, spiffeId: '', issuer: '', revocationsPem: '' },
      ...{ notBefore: 0, notAfter: 0, issuedAt: 0 },
    };
  }
  trust({ revocationsPem, rootsPem }: Pick<typeof authority.bundle, 'revocationsPem' | 'rootsPem'>): void {
    this.current = { ...this.current, revocationsPem, rootsPem };
    for (const listener of this.#listeners) listener(this.current);
  }
  subscribe(listener: (material: IdentityMaterial) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
  [Symbol.dispose](): void {}
}

const tokens = unwrap(
  openProgramTokens({ file: `${temporary.path}/token.pem`, trustDomain: 'cluster.local' }),
);

let engine = new FakeEngine();
let identity: FixedIdentity;
let doors: OpenDoors;
let address: string;
let cart: Enrolled;

beforeAll(async () => {
  identity = new FixedIdentity(await enrolled('spiffe://cluster.local/ns/istio-system/sa/xebec-policy'));
  cart = await enrolled('spiffe://cluster.local/ns/shop/sa/cart');
  const listen = '127.0.0.1:0';
  doors = unwrap(
    await openDoors({
      options: {
        ...{ listen, http: listen, listenPlaintext: listen, controlPlane: '', rootsFile: '' },
        ...{ issueToken: async () => ({ ok: true, value: '', warnings: [] }), stateDirectory: '' },
        anonymousMay: ['check'],
      },
      emit: () => undefined,
      tokens: [tokens.authenticator],
      ...{ identity, registry: new Registry(), unready: () => undefined, edges: createEdgeBoard() },
      doors: { engine: () => engine, vocabulary: () => testVocabulary, workloads: shopWorkloads },
    }),
  );
  address = doors.addresses.grpc;
});
afterAll(async () => {
  await doors?.close();
  temporary[Symbol.dispose]();
});
beforeEach(() => {
  engine = new FakeEngine();
});

const as = (who: Enrolled | undefined, protocol: string): Omit<ConnectionOptions, 'path'> => ({
  ca: [...authority.rootsPem],
  ALPNProtocols: [protocol],
  ...(who === undefined ? {} : { cert: who.certificatesPem, key: who.privateKeyPem }),
});
const proxies = [
  Authorization.method.check,
  AccessLogService.method.streamAccessLogs,
  RateLimitService.method.shouldRateLimit,
  RateLimitQuotaService.method.streamRateLimitQuotas,
].map(pathOf);
const check = { path: pathOf(Authorization.method.check), body: bodyOfCheck() };
const own = { path: pathOf(Policy.method.check) };

function bodyOfCheck(): Uint8Array {
  const attributes = { request: { http: { method: 'GET', path: '/' } } };
  return encode(CheckRequestSchema, create(CheckRequestSchema, { attributes }));
}

const asked = async (who: Enrolled | undefined, protocol: string, call: Parameters<typeof rawCall>[1]) =>
  rawCall(await openTls(address, as(who, protocol)), call);

describe('with a certificate', () => {
  it('a proxy by its own protocol speaks for its workload, and for no other', async () => {
    const headers = { 'xebec-workload': 'shop/cart-1' };
    expect(await asked(cart, proxyProtocol, { ...check, headers })).toMatchObject({ code: 0 });
    expect(engine.checks[0]?.attributes.get('destination.uid')).toBe('kubernetes://cart-1.shop');
    const other = { 'xebec-workload': 'front/web-1' };
    expect(await asked(cart, proxyProtocol, { ...check, headers: other })).toMatchObject({ code: 7 });
    expect(await asked(cart, proxyProtocol, own)).toMatchObject({ code: 12 });
  });

  it.each(proxies)('a program is not answered at %s', async (path) => {
    const headers = { 'xebec-workload': 'shop/cart-1' };
    expect(await asked(cart, 'h2', { ...check, path, headers })).toMatchObject({ code: 7 });
    expect([engine.checks, engine.bags, engine.charges]).toEqual([[], [], []]);
  });

  it('a program is known, over gRPC and as JSON', async () => {
    expect(await asked(cart, 'h2', own)).toMatchObject({ code: 0 });
    const json = await rawJson(address, { path: '/v1/check', ...as(cart, 'http/1.1') });
    expect([json.status, engine.checks.length]).toEqual([200, 2]);
    for (const { attributes } of engine.checks)
      expect(attributes.get('source.principal')).toBe('cluster.local/ns/shop/sa/cart');
  });

  it('of another authority nobody is let in', async () => {
    const directory = `${temporary.path}/other`;
    const others = unwrap(openLiveAuthority({ directory, trustDomain: 'cluster.local' }));
    const stranger = await enrolled('spiffe://cluster.local/ns/shop/sa/cart', others);
    await expect(asked(stranger, 'h2', own)).rejects.toThrow();
    await expect(asked(stranger, proxyProtocol, check)).rejects.toThrow();
  });
});

describe('with a token', () => {
  it('a program is known, in TLS and in plaintext, and is no proxy', async () => {
    const token = unwrap(tokens.issue({ namespace: 'shop', serviceAccount: 'cart' }, 60_000));
    const headers = { authorization: `Bearer ${token}` };
    expect(await asked(undefined, 'h2', { ...own, headers })).toMatchObject({ code: 0 });
    const json = await rawJson(address, { path: '/v1/check', headers, ...as(undefined, 'http/1.1') });
    const plain = await fetch(`http://${doors.addresses.http}/v1/quotas/inspect`, {
      ...{ method: 'POST', body: '{"quota":"q"}' },
      headers: { ...headers, 'content-type': 'application/json' },
    });
    expect([json.status, plain.status]).toEqual([200, 200]);
    const bags = [...engine.checks, ...engine.charges].map(({ attributes }) => attributes);
    expect(bags.map((bag) => bag.get('source.principal'))).toEqual(
      Array.from({ length: 3 }, () => 'cluster.local/ns/shop/sa/cart'),
    );
    expect(await asked(undefined, proxyProtocol, { ...check, headers })).toMatchObject({ code: 16 });
    expect(await asked(undefined, 'h2', { ...check, headers })).toMatchObject({ code: 7 });
  });

  it('that is none, nobody is known', async () => {
    const headers = { authorization: 'Bearer a.b.c' };
    expect(await asked(undefined, 'h2', { ...own, headers })).toMatchObject({ code: 16 });
  });
});

it('moves to a free port only where it may', async () => {
  const taken = { listen: address, http: doors.addresses.http };
  const options = {
    ...{ ...taken, controlPlane: '', rootsFile: '', stateDirectory: '' },
    issueToken: async () => ({ ok: true, value: '', warnings: [] }) as const,
  };
  const request = {
    ...{ emit: () => undefined, tokens: [], identity, unready: () => undefined, edges: createEdgeBoard() },
    doors: { engine: () => engine, vocabulary: () => testVocabulary, workloads: shopWorkloads },
  };
  const refused = await openDoors({ ...request, options, registry: new Registry() });
  expect(refused.ok ? '' : refused.diagnostics[0]?.code).toBe('cannot-listen');
  const moved = unwrap(
    await openDoors({ ...request, options: { ...options, orAnyPort: true }, registry: new Registry() }),
  );
  expect([moved.addresses.grpc, moved.addresses.http]).not.toEqual([taken.listen, taken.http]);
  expect((await rawJson(moved.addresses.grpc, { path: '/v1/check', ...as(cart, 'http/1.1') })).status).toBe(
    200,
  );
  await moved.close();
});

it('shows in the mesh’s TLS only what programs ask', async () => {
  for (const path of ['/metrics', '/healthz', '/ready', '/v2/x'])
    expect((await rawJson(address, { path, ...as(cart, 'http/1.1') })).status).toBe(404);
});

describe('without a certificate', () => {
  it('nobody is let in over TLS, whatever the plaintext ports allow', async () => {
    expect(await asked(undefined, 'h2', own)).toMatchObject({ code: 16 });
    expect(await asked(undefined, proxyProtocol, check)).toMatchObject({ code: 16 });
    const json = await rawJson(address, { path: '/v1/check', ...as(undefined, 'http/1.1') });
    expect([json.status, JSON.parse(json.body).error.name]).toEqual([401, 'UNAUTHENTICATED']);
  });

  it('a program of this machine may do what the operator allows, and is told what it may not', async () => {
    const ask = async (path: string, body: string) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`http://${doors.addresses.http}${path}`, { method: 'POST', body, headers });
      return [answer.status, await answer.text()];
    };
    expect(await ask('/v1/check', '{}')).toEqual([200, expect.anything()]);
    const refused = [401, expect.stringContaining('without proof of identity may not take quota')];
    expect(await ask('/v1/quotas/allocate', '{"quota":"q","amount":1}')).toEqual(refused);
    expect(await ask('/v1/quotas/inspect', '{"quota":"q"}')).toEqual(refused);
    expect(await ask('/v1/check', '{"quotas":{"q":1}}')).toEqual(refused);
    expect(await ask('/v1/report', '{"bags":[{}]}')).toEqual([
      401,
      expect.stringContaining('may not report'),
    ]);
    expect([engine.charges, engine.bags]).toEqual([[], []]);
  });
});

it('a certificate that is taken back ends its connections, and opens no others', async () => {
  const lost = await enrolled('spiffe://cluster.local/ns/shop/sa/lost');
  const [cut, kept] = [await openTls(address, as(lost, 'h2')), await openTls(address, as(cart, 'h2'))];
  const gone = new Promise((resolve) => cut.resume().on('error', resolve).once('close', resolve));
  unwrap(authority.revoke({ serial: lost.serial }));
  identity.trust(authority.bundle);
  await gone;
  await expect(asked(lost, 'h2', own)).rejects.toThrow();
  await expect(asked(lost, proxyProtocol, check)).rejects.toThrow();
  await expect(rawJson(address, { path: '/v1/check', ...as(lost, 'http/1.1') })).rejects.toThrow();
  expect(await rawCall(kept, own)).toMatchObject({ code: 0 });
  unwrap(authority.reinstate({ serial: lost.serial }));
  identity.trust(authority.bundle);
  expect(await asked(lost, 'h2', own)).toMatchObject({ code: 0 });
});
