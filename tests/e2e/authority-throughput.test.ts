// Many certificates at once of a real control plane, and what discovery feels of it, both measured in one run; the load is a process of its own. Work is counted in processor time, which others on this machine do not change; what a clock says counts when they leave us the machine.
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
import { cpuMsOf, machineBusyMs, mainThreadMsOf } from './support/cpu-time.ts';
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
  /** Of who asks. */
  readonly cpuMs: number;
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
      const numberAt = (name: string): number => Number(at(answer, name));
      resolve({ perSecond: numberAt('perSecond'), p99Ms: numberAt('p99Ms'), cpuMs: numberAt('cpuMs') });
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

/** A load with what it cost the control plane, and how much of the machine somebody else used meanwhile. */
async function measure(controlPlane: ControlPlaneProcess, load: () => Promise<Load>) {
  const { pid } = controlPlane;
  const now = () => ({
    all: cpuMsOf(pid),
    main: mainThreadMsOf(pid),
    machine: machineBusyMs(),
    wall: performance.now(),
    own: process.cpuUsage().user / 1_000 + process.cpuUsage().system / 1_000,
  });
  const before = now();
  const { result, middleMs } = await latency(controlPlane, load);
  const after = now();
  const spent = (of: keyof typeof before): number => after[of] - before[of];
  const others = spent('machine') - spent('all') - spent('own') - result.cpuMs;
  return {
    perSecond: rounded(result.perSecond),
    p99Ms: rounded(result.p99Ms),
    discoveryMs: rounded(middleMs),
    cpuMsEach: rounded(spent('all') / (identities * each)),
    mainThreadMsEach: rounded(spent('main') / (identities * each)),
    othersCores: rounded(others / spent('wall')),
  };
}

describe('[AU-9] an authority under load', () => {
  it('signs 200 certificates a second on one core, half of the work beside discovery, which hardly notices', async () => {
    const parameters = ['--state', state, '--xds', '127.0.0.1:0', '--xds-plaintext', '127.0.0.1:0'];
    await using controlPlane = await startControlPlane(parameters);
    const pause = () => new Promise((resolve) => setTimeout(resolve, 1_500));
    // The first questions and certificates after a start are slower than any load makes them.
    await latency(controlPlane, pause);
    await (await prepareLoad(controlPlane, 'ecdsa-p256'))();
    const loads = [
      await prepareLoad(controlPlane, 'ecdsa-p256'),
      await prepareLoad(controlPlane, 'rsa-2048'),
    ];
    const idle = await latency(controlPlane, pause);
    for (const load of loads) {
      const measured = await measure(controlPlane, load);
      process.stdout.write(`${JSON.stringify({ idleMs: rounded(idle.middleMs), ...measured })}\n`);
      expect(measured.cpuMsEach).toBeLessThan(5);
      expect(measured.mainThreadMsEach).toBeLessThan(0.75 * measured.cpuMsEach);
      expect(measured.perSecond).toBeGreaterThan(20);
      if (measured.othersCores > 0.3) continue;
      expect(measured.perSecond).toBeGreaterThan(100);
      expect(measured.discoveryMs).toBeLessThan(3 * idle.middleMs + 5);
    }
  }, 120_000);
});
