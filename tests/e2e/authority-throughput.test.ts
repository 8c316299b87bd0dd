// Many certificates at once, of a real control plane in one process, and what discovery feels of it, both measured in one run. The bounds are for a crowded machine; the figures are printed.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { createKeyAndCsr, type KeyAlgorithm } from '@xebec/ca';
import { IstioCertificateRequestSchema } from '@xebec/protos/istio/v1/auth/ca_pb';
import { afterAll, describe, expect, it } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { openDiscovery, types } from './support/discovery-client.ts';
import { textAt } from './support/mesh.ts';

const state = mkdtempSync(join(tmpdir(), 'xb-'));
afterAll(() => rmSync(state, { recursive: true, force: true }));

const path = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
/** Within the share of each: twenty at once. */
const [identities, each, atOnce] = [40, 10, 16];

function joinToken(serviceAccount: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const socketPath = join(state, 'run/control.sock');
    const call = request({ socketPath, path: '/v1/tokens', method: 'POST', headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve(textAt(JSON.parse(text), 'token') ?? ''));
    });
    call.on('error', reject).end(JSON.stringify({ namespace: 'default', serviceAccount }));
  });
}

async function bodyOf(algorithm: KeyAlgorithm): Promise<Buffer> {
  const made = await createKeyAndCsr('spiffe://cluster.local/ns/default/sa/a', algorithm);
  const csr = made.ok ? made.value.csrPem : '';
  return Buffer.from(toBinary(IstioCertificateRequestSchema, create(IstioCertificateRequestSchema, { csr })));
}

const asIs = (bytes: Buffer): Buffer => bytes;

function ask(client: grpc.Client, body: Buffer, token: string): Promise<number> {
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, asIs, asIs, body, metadata, (error) => resolve(error?.code ?? 0));
  });
}

/** Certificates a second. */
async function load(controlPlane: ControlPlaneProcess, algorithm: KeyAlgorithm): Promise<number> {
  const roots = readFileSync(join(state, 'ca/root-cert.pem'));
  const client = new grpc.Client(controlPlane.address('xds'), grpc.credentials.createSsl(roots), {
    'grpc.ssl_target_name_override': 'localhost',
    'grpc.default_authority': 'localhost',
  });
  const owners = Array.from({ length: identities * each }, (_, at) => `${algorithm}-${at % identities}`);
  const waiting = await Promise.all(owners.map(joinToken));
  const body = await bodyOf(algorithm);
  const codes: number[] = [];
  const beganAt = performance.now();
  const work = async (): Promise<void> => {
    for (let token = waiting.pop(); token !== undefined; token = waiting.pop()) {
      codes.push(await ask(client, body, token));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const seconds = (performance.now() - beganAt) / 1_000;
  client.close();
  expect(new Set(codes)).toEqual(new Set([0]));
  return codes.length / seconds;
}

/** Times of one question of discovery after the other, in milliseconds, while something else goes on. */
async function latencies<T>(controlPlane: ControlPlaneProcess, during: () => Promise<T>) {
  const node = {
    id: 'sidecar~10.0.0.1~probe.default~default.svc.cluster.local',
    metadata: { NAMESPACE: 'default' },
  };
  using discovery = openDiscovery({ address: controlPlane.address('xds-plaintext'), node });
  await discovery.ask(types.cluster);
  const took: number[] = [];
  let isOver = false;
  const done = during().finally(() => {
    isOver = true;
  });
  for (let at = 0; !isOver; at += 1) {
    const beganAt = performance.now();
    await discovery.ask(types.endpoint, [`outbound|80||nobody-${at}.default.svc.cluster.local`]);
    took.push(performance.now() - beganAt);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const result = await done;
  return { result, middle: took.sort((a, b) => a - b)[took.length >> 1] ?? 0 };
}

describe('[AU-9] an authority under load', () => {
  it('signs for P-256 and RSA by the dozens a second, and discovery hardly notices', async () => {
    const parameters = ['--state', state, '--xds', '127.0.0.1:0', '--xds-plaintext', '127.0.0.1:0'];
    await using controlPlane = await startControlPlane(parameters);
    const idle = await latencies(controlPlane, () => new Promise((resolve) => setTimeout(resolve, 1_500)));
    const busy = await latencies(controlPlane, () => load(controlPlane, 'ecdsa-p256'));
    const rsa = await load(controlPlane, 'rsa-2048');
    const measured = { perSecond: busy.result, rsaPerSecond: rsa, idleMs: idle.middle, busyMs: busy.middle };
    process.stdout.write(`${JSON.stringify(measured)}\n`);
    expect(busy.result).toBeGreaterThan(20);
    expect(rsa).toBeGreaterThan(20);
    // One event loop: a question waits for the requests that are signed right now, and for no more of them.
    expect(busy.middle).toBeLessThan(Math.max(100, 20 * idle.middle));
  }, 120_000);
});
