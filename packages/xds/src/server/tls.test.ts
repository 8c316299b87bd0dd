// The server with TLS: who is who, who gets in, and a certificate replaced while it serves.
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, type XdsServerOptions } from '../options.ts';
import { CLUSTER } from '../roles.ts';
import {
  createTestAuthority,
  hasOpenssl,
  type TestAuthority,
  type TestCertificate,
} from '../testing/certificates.ts';
import { createTestClient } from '../testing/grpc-client.ts';
import { testCluster } from '../testing/resources.ts';
import { createWorld, layer, viewOf } from '../testing/rig.ts';
import { uriNames } from './peer.ts';
import { createXdsServer } from './server.ts';
import type { ClientCertificates } from './tls-credentials.ts';

const ID = 'spiffe://cluster.local/ns/default/sa/reviews';

const same = (bytes: Buffer): Buffer => bytes;
const silentService = {
  Follow: {
    path: '/other.Service/Follow',
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
};

describe('identities of a certificate', () => {
  it('are its URI names, and none where the text is ambiguous', () => {
    expect(uriNames(`DNS:a, URI:${ID}`)).toEqual([ID]);
    expect(uriNames(`DNS:"a, URI:${ID}"`)).toEqual([]);
    expect(uriNames(undefined)).toEqual([]);
  });
});

describe.skipIf(!hasOpenssl())('a TLS binding', () => {
  let authority: TestAuthority;
  let serving: TestCertificate;
  const closers: (() => Promise<void> | void)[] = [];
  beforeAll(() => {
    authority = createTestAuthority();
    serving = authority.issue('DNS:localhost');
  });
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
    authority[Symbol.dispose]();
  });

  async function serve(
    clientCertificates: ClientCertificates,
    options: Pick<Partial<XdsServerOptions>, 'authenticate' | 'limits' | 'clock'> = {},
  ) {
    const world = createWorld();
    world.transact(() => world.set(CLUSTER, testCluster('c')));
    const server = createXdsServer({
      graph: world.graph,
      types: world.types,
      admission: {
        admit: (node, peer) =>
          peer.identities.includes(ID)
            ? { kind: 'admitted', client: node.id }
            : { kind: 'refused', code: 'permission-denied', message: `${peer.identities} is not ${ID}` },
        view: () => viewOf([layer('*')]),
        candidates: (_, asked) => [asked],
      },
      onEvent: () => {},
      ...options,
    });
    const bound = await server.bind({
      address: '127.0.0.1:0',
      tls: { ...serving, clientRoots: authority.root, clientCertificates },
      // A service that answers nothing, and never ends.
      addServices: (grpcServer) => grpcServer.addService(silentService, { Follow: () => undefined }),
    });
    if (!bound.ok) throw new Error(JSON.stringify(bound.diagnostics));
    closers.push(() => server.close());
    return { server, binding: bound.value };
  }

  function clientWith(
    port: number,
    certificate: TestCertificate | undefined,
    root = authority.root,
    token?: string,
  ) {
    const key = certificate === undefined ? null : Buffer.from(certificate.privateKey);
    const chain = certificate === undefined ? null : Buffer.from(certificate.certificateChain);
    const client = createTestClient(port, credentials.createSsl(Buffer.from(root), key, chain));
    closers.push(() => client.close());
    const stream = client.delta('sidecar~a', token);
    stream.send({ typeUrl: CLUSTER });
    return stream;
  }

  it('serves the identity that admission expects and refuses another', async () => {
    const { binding, server } = await serve('required');
    const right = clientWith(binding.port, authority.issue(`URI:${ID}`));
    expect((await right.next()).resources).toHaveLength(1);
    expect(server.statuses()[0]?.peer).toMatchObject({ identities: [ID], isPlaintext: false });
    const wrong = clientWith(binding.port, authority.issue('URI:spiffe://cluster.local/ns/other/sa/x'));
    expect(await wrong.error()).toMatchObject({ code: status.PERMISSION_DENIED });
  });

  it('lets nobody in without a certificate, or with one of another authority', async () => {
    const { binding } = await serve('required');
    expect(await clientWith(binding.port, undefined).error()).toMatchObject({ code: status.UNAVAILABLE });
    const stranger = createTestAuthority();
    closers.push(() => stranger[Symbol.dispose]());
    const forged = clientWith(binding.port, stranger.issue(`URI:${ID}`));
    expect(await forged.error()).toMatchObject({ code: status.UNAVAILABLE });
  });

  it('that only asks for certificates still gives no configuration without a verified identity', async () => {
    const { binding } = await serve('requested');
    expect(await clientWith(binding.port, undefined).error()).toMatchObject({ code: status.UNAUTHENTICATED });
    const stranger = createTestAuthority();
    closers.push(() => stranger[Symbol.dispose]());
    const forged = clientWith(binding.port, stranger.issue(`URI:${ID}`));
    expect(await forged.error()).toMatchObject({ code: status.UNAUTHENTICATED });
    const right = clientWith(binding.port, authority.issue(`URI:${ID}`));
    expect((await right.next()).resources).toHaveLength(1);
  });

  it('takes a new certificate for new connections while streams go on', async () => {
    const { binding } = await serve('required');
    const certificate = authority.issue(`URI:${ID}`);
    const before = clientWith(binding.port, certificate);
    const first = await before.next();
    using renewed = createTestAuthority();
    binding.updateTls({ ...renewed.issue('DNS:localhost'), clientRoots: authority.root });
    const after = clientWith(binding.port, certificate, renewed.root);
    expect((await after.next()).resources).toHaveLength(1);
    before.acknowledge(first);
    before.send({ typeUrl: CLUSTER, resourceNamesSubscribe: ['c'] });
    expect((await before.next()).resources).toHaveLength(1);
  });

  it('takes a token where there is no certificate, and asks nobody about one beside a certificate', async () => {
    const asked: string[] = [];
    const authenticate = ({ bearerToken }: { readonly bearerToken: string }) => {
      asked.push(bearerToken);
      if (bearerToken === 'broken') return Promise.reject(new Error('no answer'));
      return Promise.resolve(bearerToken === 'right' ? ID : undefined);
    };
    const { binding } = await serve('requested', { authenticate });
    const withToken = (token: string, certificate?: TestCertificate) =>
      clientWith(binding.port, certificate, authority.root, token);
    expect((await withToken('right').next()).resources).toHaveLength(1);
    for (const token of ['wrong', 'broken']) {
      expect(await withToken(token).error()).toMatchObject({ code: status.UNAUTHENTICATED });
    }
    const other = authority.issue('URI:spiffe://cluster.local/ns/other/sa/x');
    expect(await withToken('right', other).error()).toMatchObject({ code: status.PERMISSION_DENIED });
    expect(asked).toEqual(['right', 'wrong', 'broken']);
    const clear = await serve('requested');
    expect(await clientWith(clear.binding.port, undefined, authority.root, 'right').error()).toMatchObject({
      code: status.UNAUTHENTICATED,
    });
  });

  it('ends connections behind which nobody is known in time, whatever they ask for, and no others', async () => {
    const { binding } = await serve('requested', { limits: { introductionMs: 300 } });
    const call = (certificate: TestCertificate | undefined) => {
      const key = certificate === undefined ? null : Buffer.from(certificate.privateKey);
      const chain = certificate === undefined ? null : Buffer.from(certificate.certificateChain);
      const client = new Client(
        `localhost:${binding.port}`,
        credentials.createSsl(Buffer.from(authority.root), key, chain),
      );
      closers.push(() => client.close());
      const stream = client.makeBidiStreamRequest('/other.Service/Follow', same, same);
      return new Promise<number>((resolve) => stream.on('error', ({ code }: ServiceError) => resolve(code)));
    };
    let isKnownOpen = true;
    void call(authority.issue(`URI:${ID}`)).then(() => {
      isKnownOpen = false;
    });
    expect(await call(undefined)).toBe(status.UNAVAILABLE);
    expect(isKnownOpen).toBe(true);
  });

  it('ends a stream when the certificate that opened it ends', async () => {
    const certificate = authority.issue(`URI:${ID}`);
    const expiresAtMs = Date.parse(new X509Certificate(certificate.certificateChain).validTo);
    const offsetMs = expiresAtMs - Date.now() - 1_000;
    const clock = { ...systemClock, nowMs: () => Date.now() + offsetMs };
    const { binding } = await serve('required', { clock });
    const stream = clientWith(binding.port, certificate);
    expect((await stream.next()).resources).toHaveLength(1);
    expect(await stream.error()).toMatchObject({
      code: status.UNAUTHENTICATED,
      details: expect.stringContaining('has ended'),
    });
  });

  it('lets one identity have so many streams', async () => {
    const { binding } = await serve('required', { limits: { streamsPerIdentity: 1, connectionBurst: 1 } });
    const certificate = authority.issue(`URI:${ID}`);
    await clientWith(binding.port, certificate).next();
    expect(await clientWith(binding.port, certificate).error()).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    });
  });

  it('speaks no TLS below 1.2', async () => {
    const { binding } = await serve('required');
    const outcome = await new Promise<string>((resolve) => {
      const socket = connect({
        port: binding.port,
        host: '127.0.0.1',
        maxVersion: 'TLSv1.1',
        minVersion: 'TLSv1',
        rejectUnauthorized: false,
        ciphers: 'DEFAULT:@SECLEVEL=0',
      });
      socket.on('secureConnect', () => resolve('connected'));
      socket.on('error', () => resolve('refused'));
    });
    expect(outcome).toBe('refused');
  });
});
