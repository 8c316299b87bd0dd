// Many certificates at once of a real control plane, and what discovery feels of it, both measured in one run. The load is a process of its own. The bounds are for a crowded machine; the figures are printed.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { createKeyAndCsr, type KeyAlgorithm } from '@xebec/ca';
import { IstioCertificateRequestSchema } from '@xebec/protos/istio/v1/auth/ca_pb';
import { afterAll, describe, expect, it } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { openDiscovery, types } from './support/discovery-client.ts';
import { at, repositoryFile, textAt } from './support/mesh.ts';

const state = mkdtempSync(join(tmpdir(), 'xb-'));
afterAll(() => rmSync(state, { recursive: true, force: true }));

/** Within the share of each identity: twenty at once. */
const [identities, each, atOnce] = [100, 10, 16];
let loads = 0;

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

async function bodyOf(algorithm: KeyAlgorithm): Promise<string> {
  const made = await createKeyAndCsr('spiffe://cluster.local/ns/default/sa/a', algorithm);
  const csr = made.ok ? made.value.csrPem : '';
  const message = create(IstioCertificateRequestSchema, { csr });
  return Buffer.from(toBinary(IstioCertificateRequestSchema, message)).toString('base64');
}

interface Load {
  /** Certificates. */
  readonly perSecond: number;
  readonly p99Ms: number;
}

/** Everything that a load needs beforehand; it begins when the function is called. */
async function prepareLoad(controlPlane: ControlPlaneProcess, algorithm: KeyAlgorithm) {
  const tokens: string[] = [];
  const load = loads++;
  for (let owner = 0; owner < identities * each; owner += 1)
    tokens.push(await joinToken(`load-${load}-${owner % identities}`));
  const roots = readFileSync(join(state, 'ca/root-cert.pem'), 'utf8');
  const bodies = await Promise.all(Array.from({ length: 4 }, () => bodyOf(algorithm)));
  const input = JSON.stringify({ address: controlPlane.address('xds'), roots, bodies, tokens, atOnce });
  return (): Promise<Load> => runLoad(input);
}

function runLoad(input: string): Promise<Load> {
  const script = repositoryFile('tests/e2e/apps/certificate-load/load.mjs');
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'], timeout: 60_000 });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      const answer: unknown = JSON.parse(text);
      expect(at(answer, 'codes')).toEqual({ 0: identities * each });
      resolve({ perSecond: Number(at(answer, 'perSecond')), p99Ms: Number(at(answer, 'p99Ms')) });
    });
  });
}

const middleOf = (took: readonly number[]): number => took.toSorted((a, b) => a - b)[took.length >> 1] ?? 0;

/** The middle time, in milliseconds, of one question of discovery after the other while something else goes on. */
async function latency<T>(controlPlane: ControlPlaneProcess, during: () => Promise<T>) {
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
  for (let question = 0; !isOver; question += 1) {
    const beganAt = performance.now();
    await discovery.ask(types.endpoint, [`outbound|80||nobody-${question}.default.svc.cluster.local`]);
    took.push(performance.now() - beganAt);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return { result: await done, middleMs: middleOf(took) };
}

const rounded = (value: number): number => Math.round(value * 10) / 10;

describe('[AU-9] an authority under load', () => {
  // What others do on this machine disturbs one measurement; what is wrong with us, all of them.
  const patience = { timeout: 120_000, retry: 2 };
  it('signs for P-256 and RSA by the hundreds a second, and discovery hardly notices', patience, async () => {
    const parameters = ['--state', state, '--xds', '127.0.0.1:0', '--xds-plaintext', '127.0.0.1:0'];
    await using controlPlane = await startControlPlane(parameters);
    const pause = () => new Promise((resolve) => setTimeout(resolve, 1_500));
    // The first questions after a start are slower than any load makes them.
    await latency(controlPlane, pause);
    const loadEc = await prepareLoad(controlPlane, 'ecdsa-p256');
    const loadRsa = await prepareLoad(controlPlane, 'rsa-2048');
    const idle = await latency(controlPlane, pause);
    const ec = await latency(controlPlane, loadEc);
    const rsa = await latency(controlPlane, loadRsa);
    const measured = {
      ec: { perSecond: rounded(ec.result.perSecond), p99Ms: rounded(ec.result.p99Ms) },
      rsa: { perSecond: rounded(rsa.result.perSecond), p99Ms: rounded(rsa.result.p99Ms) },
      discoveryMs: { idle: rounded(idle.middleMs), ec: rounded(ec.middleMs), rsa: rounded(rsa.middleMs) },
    };
    process.stdout.write(`${JSON.stringify(measured)}\n`);
    for (const busy of [ec, rsa]) {
      expect(busy.result.perSecond).toBeGreaterThan(100);
      expect(busy.middleMs).toBeLessThan(3 * idle.middleMs + 5);
    }
  });
});
