// Between a proxy and the control plane: messages pass unchanged both ways, an end is an end for both, and only the true control plane is believed.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import {
  type Authority,
  createKeyAndCsr,
  createServingCredentials,
  openAuthority,
  parseCsr,
} from '@xebec/ca';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlPlaneGate } from '../control/gate.ts';
import type { IdentityMaterial, WorkloadIdentity } from '../identity/workload-identity.ts';
import { createSecretStore } from '../sds/secrets.ts';
import { unwrap } from '../testing/fake-control-plane.ts';
import { until } from '../testing/until.ts';
import { startDiscoveryServer } from './discovery-server.ts';
import { createUpstream } from './upstream.ts';

type Stream = grpc.ServerDuplexStream<Buffer, Buffer>;

const passThrough = (bytes: Buffer): Buffer => bytes;
const unlimited = { 'grpc.max_receive_message_length': -1 };
const delta = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const definition: grpc.ServiceDefinition = {
  Delta: {
    path: delta,
    requestStream: true,
    responseStream: true,
    requestSerialize: passThrough,
    requestDeserialize: passThrough,
    responseSerialize: passThrough,
    responseDeserialize: passThrough,
  },
};

async function materialOf(authority: Authority, dnsNames: readonly string[] = []): Promise<IdentityMaterial> {
  const spiffeId = 'spiffe://cluster.local/ns/default/sa/a';
  const { csrPem, privateKeyPem } = unwrap(await createKeyAndCsr(spiffeId));
  const publicKey = unwrap(parseCsr(csrPem));
  const issued = unwrap(authority.issueServer({ publicKey, spiffeId, dnsNames }));
  const { certificatesPem, serial, notBefore, notAfter } = issued;
  return {
    spiffeId,
    certificatesPem,
    privateKeyPem,
    rootsPem: authority.rootsPem,
    revocationsPem: '',
    anchorsPem: [],
    bundle: '',
    issuer: authority.issuerId,
    serial,
    issuedAt: Date.now(),
    notBefore,
    notAfter,
  };
}

describe('a discovery server', () => {
  let directory: string;
  let authority: Authority;
  let server: grpc.Server;
  let port: number;
  const streams: Stream[] = [];
  const breaks: string[] = [];
  const open: (() => void)[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'xebec-xds-'));
    authority = unwrap(
      openAuthority({ directory: path.join(directory, 'ca'), trustDomain: 'cluster.local' }),
    );
    server = await listen('istiod.test');
  });
  afterEach(() => {
    for (const close of open.splice(0)) close();
    server.forceShutdown();
    streams.length = 0;
    breaks.length = 0;
    rmSync(directory, { recursive: true });
  });

  async function listen(dnsName: string): Promise<grpc.Server> {
    const started = new grpc.Server(unlimited);
    started.addService(definition, { Delta: (stream: Stream) => void streams.push(stream) });
    const { credentials } = createServingCredentials(await materialOf(authority, [dnsName]), {
      requireClientCertificate: true,
    });
    port = await new Promise<number>((resolve, reject) => {
      started.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return started;
  }

  async function startProxy() {
    const gate = new ControlPlaneGate();
    gate.open();
    const listeners = new Set<(material: IdentityMaterial) => void>();
    const current: IdentityMaterial = await materialOf(authority);
    const identity = {
      current,
      trust: () => undefined,
      subscribe(listener: (material: IdentityMaterial) => void): Disposable {
        listeners.add(listener);
        return { [Symbol.dispose]: () => void listeners.delete(listener) };
      },
      [Symbol.dispose](): void {},
    } satisfies WorkloadIdentity;
    const upstream = createUpstream({ address: `127.0.0.1:${port}`, serverName: 'istiod.test', identity });
    const secrets = createSecretStore(identity);
    const socketPath = path.join(directory, 'xds.sock');
    const onBreak = (reason: string): void => void breaks.push(reason);
    const served = unwrap(
      await startDiscoveryServer({
        socketPath,
        secrets,
        upstream,
        gate,
        onBreak,
        onRefusal: () => undefined,
      }),
    );
    const client = new grpc.Client(`unix:${socketPath}`, grpc.credentials.createInsecure(), unlimited);
    open.push(
      () => client.close(),
      () => served[Symbol.dispose](),
      () => upstream[Symbol.dispose](),
    );
    const call = () => {
      const received: string[] = [];
      let status: grpc.StatusObject | undefined;
      const stream = client.makeBidiStreamRequest(delta, passThrough, passThrough, new grpc.Metadata());
      stream.on('data', (bytes: Buffer) => void received.push(bytes.toString()));
      stream.on('error', () => undefined);
      stream.on('status', (given: grpc.StatusObject) => {
        status = given;
      });
      return { stream, received, status: () => status };
    };
    const renew = async (): Promise<void> => {
      identity.current = await materialOf(authority);
      for (const listener of listeners) listener(identity.current);
    };
    return { call, socketPath, renew, gate };
  }

  test('passes messages as they are, under the identity of the workload, on a private socket', async () => {
    const { call, socketPath } = await startProxy();
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    const { stream, received } = call();
    const messages = ['', 'first', 'x'.repeat(8_000_000)];
    for (const message of messages) stream.write(Buffer.from(message));
    const up = await until('a stream', () => streams[0]);
    expect(up.getAuthContext().sslPeerCertificate?.subjectaltname).toBe(
      'URI:spiffe://cluster.local/ns/default/sa/a',
    );
    const arrived: string[] = [];
    up.on('data', (bytes: Buffer) => void arrived.push(bytes.toString()));
    await until('all of them', () => arrived.length === 3);
    expect(arrived).toEqual(messages);
    for (const message of messages) up.write(Buffer.from(message));
    await until('all of them back', () => received.length === 3);
    expect(received).toEqual(messages);
  });

  test('tells the control plane when the proxy goes', async () => {
    const { call } = await startProxy();
    const { stream } = call();
    stream.write(Buffer.from('hello'));
    const up = await until('a stream', () => streams[0]);
    stream.cancel();
    await until('it to be cancelled', () => up.cancelled);
    expect(breaks).toEqual([]);
  });

  test('ends the stream of the proxy when the control plane refuses it, goes, or is not there', async () => {
    const { call } = await startProxy();
    const refused = call();
    refused.stream.write(Buffer.from('hello'));
    const up = await until('a stream', () => streams[0]);
    up.emit('error', { code: grpc.status.PERMISSION_DENIED, details: 'not you' });
    await until('the refusal', refused.status);
    expect(refused.status()).toMatchObject({ code: grpc.status.PERMISSION_DENIED, details: 'not you' });
    const gone = call();
    gone.stream.write(Buffer.from('hello'));
    await until('a stream', () => streams[1]);
    server.forceShutdown();
    await until('its end', gone.status);
    const late = call();
    await until('its end', late.status);
    expect(late.status()).toMatchObject({ code: grpc.status.UNAVAILABLE });
    expect(breaks).toHaveLength(3);
  });

  test('uses a renewed certificate for the next stream, and leaves open ones alone', async () => {
    const { call, renew } = await startProxy();
    const first = call();
    first.stream.write(Buffer.from('hello'));
    const before = await until('a stream', () => streams[0]);
    await renew();
    const second = call();
    second.stream.write(Buffer.from('hello'));
    const after = await until('another stream', () => streams[1]);
    const serialOf = (stream: Stream) => stream.getAuthContext().sslPeerCertificate?.serialNumber;
    expect(serialOf(after)).not.toBe(serialOf(before));
    before.write(Buffer.from('still here'));
    await until('the message', () => first.received.includes('still here'));
  });

  test('holds streams back while the control plane does not know the Pods', async () => {
    const { call, gate } = await startProxy();
    gate.close();
    const gone = call();
    gone.stream.write(Buffer.from('hello'));
    const kept = call();
    kept.stream.write(Buffer.from('early'));
    await until('both to be connected', () => gone.stream.getPeer() !== 'unknown');
    gone.stream.cancel();
    await until('its end', gone.status);
    expect(streams).toEqual([]);
    gate.open();
    const up = await until('a stream', () => streams[0]);
    const arrived: string[] = [];
    up.on('data', (bytes: Buffer) => void arrived.push(bytes.toString()));
    await until('what was said early', () => arrived.includes('early'));
    expect(streams).toHaveLength(1);
  });

  test('does not talk to somebody who merely has a certificate of the mesh', async () => {
    server.forceShutdown();
    server = await listen('somebody.else');
    const { call } = await startProxy();
    const { stream, status } = call();
    stream.write(Buffer.from('hello'));
    await until('its end', status);
    expect(status()).toMatchObject({ code: grpc.status.UNAVAILABLE });
    expect(streams).toEqual([]);
  });
});
