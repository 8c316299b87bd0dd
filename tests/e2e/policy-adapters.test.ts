// Adapters outside the policy service: called by template over gRPC, and when one crashes or hangs only its own rules feel it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
const handler = (name: string, address: string): string =>
  written('handler', name, `{ adapter: guard, connection: { address: "${address}", timeout: 300ms } }`);
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
    handler('hanging', hanging.address),
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
