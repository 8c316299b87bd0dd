// Adapters outside the policy service: called by template over gRPC, and when one crashes or hangs only its own rules feel it.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { CheckResultSchema } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/check_pb';
import { HandleListEntryService } from '@xebec/protos/istio/mixer/template/listentry_pb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type AdapterServer,
  serve,
  startAdapterServer,
} from '../../apps/policy/src/backends/remote/testing/adapter-server.ts';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { type Run, xebec } from './support/mesh.ts';
import { type PolicyServiceProcess, startPolicyService } from './support/policy-service.ts';

const state = mkdtempSync(join(tmpdir(), 'xb-adapters-'));
let controlPlane: ControlPlaneProcess;
let service: PolicyServiceProcess;
const adapters: AdapterServer[] = [];

beforeAll(async () => {
  controlPlane = await startControlPlane(['--state', state, '--xds', '127.0.0.1:0', '--http', '127.0.0.1:0']);
  service = await startPolicyService(['--state', state, '--control-plane', controlPlane.address('xds')]);
}, 90_000);
afterAll(async () => {
  await service?.kill('SIGTERM');
  await controlPlane?.kill('SIGTERM');
  for (const adapter of adapters) adapter.kill();
  rmSync(state, { recursive: true, force: true });
}, 30_000);

type Mood = 'well' | 'hangs';

/** Refuses everybody but jason, in its own name. */
async function start(name: string, mood: () => Mood, port = 0): Promise<AdapterServer> {
  const answer = serve(HandleListEntryService.method.handleListEntry, ({ instance }) =>
    mood() === 'hangs'
      ? new Promise<never>(() => undefined)
      : create(CheckResultSchema, {
          status: instance?.value === 'jason' ? { code: 0 } : { code: 7, message: `${name} says no` },
        }),
  );
  const adapter = await startAdapterServer([answer], { port });
  adapters.push(adapter);
  return adapter;
}

const written = (kind: string, name: string, spec: string): string =>
  `apiVersion: config.istio.io/v1alpha2\nkind: ${kind}\nmetadata: { name: ${name}, namespace: default }\nspec: ${spec}\n`;
const handler = (name: string, address: string, timeout = '5s'): string =>
  written('handler', name, `{ adapter: guard, connection: { address: "${address}", timeout: ${timeout} } }`);
const rule = (name: string, extra = ''): string =>
  written(
    'rule',
    name,
    `{ match: 'request.path == "/${name}"', actions: [{ handler: ${name}, instances: [user] }]${extra} }`,
  );

const apply = (...documents: readonly string[]): Promise<Run> =>
  xebec(['apply', '-f', '-', '--state', state], { input: documents.join('---\n'), timeoutMs: 60_000 });

interface Decision {
  readonly allowed: boolean;
  readonly code: number;
  readonly message: string;
}

async function check(path: string, user = 'eve'): Promise<Decision> {
  const attributes = { 'destination.namespace': 'default', 'request.path': path, 'request.useragent': user };
  const answer = await service.ask('/v1/check', { attributes });
  const { allowed, status } = Object(answer);
  return { allowed: allowed === true, code: Number(status?.code ?? 0), message: String(status?.message) };
}

/** Awaits a decision with a deadline. */
async function until(isIt: (decision: Decision) => boolean, path: string, user = 'eve'): Promise<Decision> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const decision = await check(path, user);
    if (isIt(decision)) return decision;
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(decision)}\n${service.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('[MX-5] an adapter outside that crashes or hangs affects its own rules only, and is used again when it is back', async () => {
  let mood: Mood = 'well';
  const crashing = await start('crashing', () => 'well');
  const hanging = await start('hanging', () => mood);
  const steady = await start('steady', () => 'well');
  const applied = await apply(
    written('adapter', 'guard', '{ description: asks a guard, templates: [listentry] }'),
    written(
      'instance',
      'user',
      `{ compiledTemplate: listentry, params: { value: 'request.useragent | ""' } }`,
    ),
    handler('crashing', crashing.address),
    handler('hanging', hanging.address, '300ms'),
    handler('steady', steady.address),
    rule('crashing'),
    rule('hanging'),
    rule('steady'),
  );
  expect(applied.stderr).toBe('');
  for (const name of ['crashing', 'hanging', 'steady']) {
    expect((await until(({ allowed }) => !allowed, `/${name}`)).message).toContain(`${name} says no`);
    expect(await check(`/${name}`, 'jason')).toMatchObject({ allowed: true });
  }

  crashing.kill();
  mood = 'hangs';
  const refused = await check('/crashing', 'jason');
  expect(refused).toMatchObject({ allowed: false, code: 14 });
  const waited = await check('/hanging', 'jason');
  expect(waited).toMatchObject({ allowed: false, code: 14 });
  // While both are called again and again, the others are decided as ever.
  const asking = Array.from({ length: 20 }, async () => {
    await check('/crashing', 'jason');
    await check('/hanging', 'jason');
  });
  for (let round = 0; round < 20; round += 1) {
    expect(await check('/steady', 'jason')).toMatchObject({ allowed: true });
    expect((await check('/steady')).message).toContain('steady says no');
    expect(await check('/no-rule')).toMatchObject({ allowed: true });
  }
  await Promise.all(asking);

  mood = 'well';
  await start('crashing', () => 'well', Number(crashing.address.split(':')[1]));
  for (const name of ['crashing', 'hanging']) {
    await until(({ allowed }) => allowed, `/${name}`, 'jason');
    expect((await check(`/${name}`)).message).toContain(`${name} says no`);
  }
}, 90_000);

const samples = fileURLToPath(new URL('../../samples/policy-adapters', import.meta.url));
const protos = fileURLToPath(new URL('../../packages/protos/proto', import.meta.url));

/** What a program says went wrong; undefined: nothing. */
async function attempt(
  file: string,
  parameters: readonly string[],
  cwd: string,
): Promise<string | undefined> {
  try {
    await promisify(execFile)(file, [...parameters], { cwd, timeout: 60_000 });
    return undefined;
  } catch (error) {
    return String(error).slice(0, 300);
  }
}

/** Starts a sample and gives the address it says that it listens on. */
async function startSample(file: string, parameters: readonly string[]): Promise<string> {
  const child = spawn(file, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
  adapters.push({ address: '', kill: () => void child.kill('SIGKILL') });
  return await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const address = /^listening (\S+)$/m.exec(text)?.[1];
      if (address !== undefined) resolve(address);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the sample ended with ${code}`)));
    setTimeout(() => reject(new Error('the sample does not listen')), 30_000).unref();
  });
}

async function decidesBySample(name: string, address: string, refusal: string): Promise<void> {
  const spec = `{ adapter: guard, connection: { address: "${address}", timeout: 2s }, params: { users: [jason] } }`;
  const applied = await apply(
    written('adapter', 'guard', '{ description: asks a guard, templates: [listentry] }'),
    written(
      'instance',
      'user',
      `{ compiledTemplate: listentry, params: { value: 'request.useragent | ""' } }`,
    ),
    written('handler', name, spec),
    rule(name),
  );
  expect(applied.stderr).toBe('');
  expect((await until(({ code }) => code === 7, `/${name}`)).message).toContain(refusal);
  expect(await check(`/${name}`, 'jason')).toMatchObject({ allowed: true });
}

test('[MX-5] the sample adapter in Python decides', async ({ skip }) => {
  const missing = await attempt('python3', ['-c', 'import grpc, grpc_tools'], samples);
  skip(missing !== undefined, 'python3 has no grpcio-tools');
  const address = await startSample('python3', [join(samples, 'python/adapter.py'), protos, '127.0.0.1:0']);
  await decidesBySample('python', address, "eve is not on Python's list");
}, 60_000);

test('[MX-5] the sample adapter in Go decides', async ({ skip }) => {
  const program = join(state, 'go-adapter');
  const problem = await attempt('go', ['build', '-o', program, '.'], join(samples, 'go'));
  skip(problem !== undefined, `the sample cannot be built here: ${problem}`);
  const address = await startSample(program, ['127.0.0.1:0']);
  await decidesBySample('go', address, `"eve" is not on Go's list`);
  // A template of one's own, at the same program.
  const connection = `connection: { address: "${address}", timeout: 2s }`;
  const applied = await apply(
    written(
      'template',
      'lookup',
      '{ variety: CHECK_WITH_OUTPUT, fields: { key: STRING }, output: { value: STRING } }',
    ),
    written('adapter', 'keyval', '{ templates: [lookup] }'),
    written('handler', 'keyval', `{ adapter: keyval, ${connection}, params: { table: { jason: red } } }`),
    written('instance', 'key', `{ template: lookup, params: { key: 'request.useragent | ""' } }`),
    written(
      'rule',
      'keyval',
      `{ match: 'request.path == "/keyval"', actions: [{ handler: keyval, instances: [key] }] }`,
    ),
  );
  expect(applied.stderr).toBe('');
  expect((await until(({ code }) => code === 5, '/keyval')).message).toContain('Go knows no "eve"');
  expect(await check('/keyval', 'jason')).toMatchObject({ allowed: true });
}, 120_000);
