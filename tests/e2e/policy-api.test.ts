// Programs ask the policy service themselves: with the client, with Mixer's API, and in the languages of the page about the API.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { createKeyAndCsr, requestCertificate } from '@xebec/ca';
import { createPolicyClient, type PolicyClient } from '@xebec/policy-client';
import { encode } from '@xebec/protos';
import { CheckRequestSchema, CheckResponseSchema } from '@xebec/protos/istio/mixer/v1/mixer_pb';
import type { Result } from '@xebec/std';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { joinToken } from './support/identity.ts';
import { repositoryFile, until } from './support/mesh.ts';
import { type PolicyProcess, startPolicyProcess } from './support/policy-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-'));
const state = join(directory, 'state');
const config = join(directory, 'config');

const rules = (message: string): string => `
apiVersion: config.istio.io/v1alpha2
kind: handler
metadata: { name: denyall, namespace: istio-system }
spec: { compiledAdapter: denier, params: { status: { code: 7, message: ${message} }, validDuration: 60s, validUseCount: 1000 } }
---
apiVersion: config.istio.io/v1alpha2
kind: instance
metadata: { name: nothing, namespace: istio-system }
spec: { compiledTemplate: checknothing }
---
apiVersion: config.istio.io/v1alpha2
kind: rule
metadata: { name: closed, namespace: istio-system }
spec:
  match: request.path == "/closed"
  actions: [{ handler: denyall, instances: [nothing] }]
---
apiVersion: config.istio.io/v1alpha2
kind: rule
metadata: { name: bank, namespace: istio-system }
spec:
  match: source.principal == "cluster.local/ns/bank/sa/boss" && request.path == "/who"
  actions: [{ handler: denyall, instances: [nothing] }]
---
apiVersion: config.istio.io/v1alpha2
kind: handler
metadata: { name: sink, namespace: istio-system }
spec: { compiledAdapter: noop, params: {} }
---
apiVersion: config.istio.io/v1alpha2
kind: instance
metadata: { name: seen, namespace: istio-system }
spec: { compiledTemplate: reportnothing }
---
apiVersion: config.istio.io/v1alpha2
kind: rule
metadata: { name: report, namespace: istio-system }
spec: { actions: [{ handler: sink, instances: [seen] }] }
`;

let controlPlane: ControlPlaneProcess;
let service: PolicyProcess;
let client: PolicyClient;

beforeAll(async () => {
  mkdirSync(config);
  writeFileSync(join(config, 'policy.yaml'), rules('closed for today'));
  controlPlane = await startControlPlane(['--state', state, '--xds', '127.0.0.1:0', '--config-dir', config]);
  const addresses = ['--listen', '127.0.0.1:0', '--listen-plaintext', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  service = await startPolicyProcess([
    ...['--state', state, '--control-plane', controlPlane.address('xds'), '--open-metrics', ...addresses],
  ]);
  client = await clientOf('shop', 'cart');
}, 90_000);

afterAll(async () => {
  await client?.close();
  await service?.kill('SIGTERM');
  await controlPlane?.kill('SIGTERM');
  rmSync(directory, { recursive: true, force: true });
});

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  return result.value;
}

/** A program with a certificate of the mesh. */
async function clientOf(namespace: string, serviceAccount: string): Promise<PolicyClient> {
  const id = `spiffe://cluster.local/ns/${namespace}/sa/${serviceAccount}`;
  const { csrPem, privateKeyPem } = unwrap(await createKeyAndCsr(id));
  const rootsPem = readFileSync(join(state, 'ca/root-cert.pem'), 'utf8');
  const token = await joinToken({ state }, serviceAccount, namespace);
  const { certificatesPem } = unwrap(
    await requestCertificate({
      ...{ address: controlPlane.address('xds'), serverName: 'localhost', rootsPem: [rootsPem] },
      ...{ credential: { kind: 'token', token }, csrPem, deadlineMs: 10_000 },
    }),
  );
  const [roots, key, chain] = [rootsPem, privateKeyPem, certificatesPem].map((pem) => Buffer.from(pem));
  return createPolicyClient({
    address: service.address('grpc'),
    credentials: credentials.createSsl(roots, key, chain, { checkServerIdentity: () => undefined }),
    timeoutMs: 10_000,
  });
}

/** The sum of a metric over its labels that are asked for. */
async function counted(name: string, labels: string): Promise<number> {
  const page = await (await fetch(`http://${service.address('http')}/metrics`)).text();
  const lines = page.split('\n').filter((line) => line.startsWith(`${name}{`) && line.includes(labels));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const checksServed = (): Promise<number> => counted('xebec_policy_calls_total', 'method="Check"');

describe('a program with the client', () => {
  it('[MX-1] is refused by a rule with its message, and asks again only what it does not know', async () => {
    const before = await checksServed();
    const refused = await client.check({ 'request.path': '/closed' });
    expect(refused).toMatchObject({ isAllowed: false, code: 7, from: 'service' });
    expect(refused.message).toContain('denyall.istio-system:closed for today');
    const again = await client.check({ 'request.path': '/closed', 'request.size': 5 });
    expect(again).toMatchObject({ isAllowed: false, code: 7, from: 'cache' });
    expect(await checksServed()).toBe(before + 1);
    expect(await client.check({ 'request.path': '/open' })).toMatchObject({
      isAllowed: true,
      from: 'service',
    });
    expect(await checksServed()).toBe(before + 2);
  });

  it('[MX-2] reports what it did once', async () => {
    const before = await counted('xebec_policy_reported_bags_total', 'door="grpc"');
    for (let bag = 0; bag < 250; bag += 1)
      client.report({ 'request.path': `/${bag % 3}`, 'request.size': bag });
    await client.flush();
    expect(client.counts().reports).toEqual({ sent: 250, lost: 0 });
    expect((await counted('xebec_policy_reported_bags_total', 'door="grpc"')) - before).toBe(250);
  });

  it('is who its certificate says, whatever it says', async () => {
    const said = { 'request.path': '/who', 'source.principal': 'cluster.local/ns/bank/sa/boss' };
    const { isAllowed, response } = await client.check(said);
    expect(isAllowed).toBe(true);
    expect(response?.dropped).toMatchObject([{ name: 'source.principal', reason: 'not-yours' }]);
    const boss = await clientOf('bank', 'boss');
    expect((await boss.check({ 'request.path': '/who' })).isAllowed).toBe(false);
    await boss.close();
  });
});

it('a client of Mixer is answered', async () => {
  const mixer = new Client(service.address('grpc-plaintext'), credentials.createInsecure());
  const request = create(CheckRequestSchema, {
    attributes: { words: ['request.path', '/closed'], strings: { [-1]: -2 } },
  });
  const same = (bytes: Buffer): Buffer => bytes;
  const bytes = Buffer.from(encode(CheckRequestSchema, request));
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const deadline = { deadline: Date.now() + 10_000 };
    mixer.makeUnaryRequest(
      '/istio.mixer.v1.Mixer/Check',
      same,
      same,
      bytes,
      new Metadata(),
      deadline,
      (error, value) =>
        error === null && value !== undefined ? resolve(value) : reject(error ?? new Error('no answer')),
    );
  });
  mixer.close();
  const { precondition } = fromBinary(CheckResponseSchema, answer);
  expect(precondition).toMatchObject({ status: { code: 7 }, validUseCount: 1000 });
  expect(precondition?.referencedAttributes?.attributeMatches.length).toBeGreaterThan(0);
});

describe('the page about the API', () => {
  const page = readFileSync(repositoryFile('docs/reference/policy-api.md'), 'utf8');
  const example = (language: string): string =>
    new RegExp(`\`\`\`${language}\\n([\\s\\S]+?)\`\`\``).exec(page)?.[1] ?? `no example in ${language}`;
  const run = (file: string, parameters: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const env = { ...process.env, POLICY: `http://${service.address('http')}`, GOFLAGS: '-mod=mod' };
      execFile(file, [...parameters], { env, cwd: directory, timeout: 60_000 }, (error, stdout, stderr) => {
        if (error?.code === 'ENOENT') resolve('is not here');
        else if (error !== null) reject(new Error(`${error.message}\n${stdout}${stderr}`));
        else resolve(stdout);
      });
    });

  it.each([
    ['sh', 'bash', 'example.sh'],
    ['python', 'python3', 'example.py'],
    ['js', process.execPath, 'example.mjs'],
  ])('has an example in %s that works', async (language, program, name) => {
    const file = join(directory, name);
    writeFileSync(file, example(language));
    const said = await run(program, [file]);
    if (said !== 'is not here') expect(said).toMatch(/allowed"?: ?(true|True|false|False)/);
  });

  it('has an example in Go that works', async () => {
    const file = join(directory, 'example.go');
    writeFileSync(file, example('go'));
    const said = await run('go', ['run', file]);
    if (said !== 'is not here') expect(said).toMatch(/allowed: (true|false)/);
  }, 90_000);
});

it('[MX-9] a changed rule is what the next call gets', async () => {
  const said = async (): Promise<string> => {
    const answer = await fetch(`http://${service.address('http')}/v1/check`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ attributes: { 'request.path': '/closed' } }),
    });
    return answer.text();
  };
  expect(await said()).toContain('closed for today');
  writeFileSync(join(config, 'policy.yaml'), rules('closed for ever'));
  await until('the new message', async () => (await said()).includes('closed for ever'));
});

describe('a policy service that is killed', () => {
  it('is missed by nobody who has a decision, and by others as they choose', async () => {
    const program = await clientOf('shop', 'cart');
    await program.check({ 'request.path': '/closed' });
    await service.kill('SIGKILL');
    expect(await program.check({ 'request.path': '/closed' })).toMatchObject({
      isAllowed: false,
      code: 7,
      from: 'cache',
    });
    const other = { 'request.path': '/other' };
    expect(await program.check(other)).toMatchObject({ isAllowed: false, code: 14, from: 'fallback' });
    expect(await program.check(other, { whenUnavailable: 'allow' })).toMatchObject({
      isAllowed: true,
      from: 'fallback',
    });
    await program.close();
  });
});
