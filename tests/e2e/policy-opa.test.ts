// Rego inside the policy service, as it is installed: a compiled policy decides, is exchanged while it runs, and one that never ends harms nobody else.
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { type Run, xebec } from './support/mesh.ts';
import { askPolicy, type Decision, type PolicyAsking, policyObject } from './support/policy-asking.ts';
import { type PolicyServiceProcess, startPolicyService } from './support/policy-service.ts';

const state = mkdtempSync(join(tmpdir(), 'xb-opa-'));
const bundle = fileURLToPath(
  new URL('../../apps/policy/src/backends/opa/testing/shop.tar.gz', import.meta.url),
);
let controlPlane: ControlPlaneProcess;
let service: PolicyServiceProcess;
let asking: PolicyAsking;

beforeAll(async () => {
  controlPlane = await startControlPlane(['--state', state, '--xds', '127.0.0.1:0', '--http', '127.0.0.1:0']);
  service = await startPolicyService(['--state', state, '--control-plane', controlPlane.address('xds')]);
  asking = askPolicy(() => service);
}, 90_000);
afterAll(async () => {
  await service?.kill('SIGTERM');
  await controlPlane?.kill('SIGTERM');
  rmSync(state, { recursive: true, force: true });
}, 30_000);

const apply = (...documents: readonly object[]): Promise<Run> => {
  const input = documents.map((each) => JSON.stringify(each)).join('\n---\n');
  return xebec(['apply', '-f', '-', '--state', state], { input, timeoutMs: 60_000 });
};

const path = join(state, 'shop.tar.gz');
const opa = (name: string, params: object): readonly object[] => [
  policyObject('handler', name, { compiledAdapter: 'opa', params }),
  policyObject('rule', name, {
    match: `request.path == "/${name}"`,
    actions: [{ handler: name, instances: ['question'] }],
  }),
];
const question = policyObject('instance', 'question', {
  compiledTemplate: 'authorization',
  params: { subject: { user: 'request.useragent | ""' } },
});
const sized = policyObject('instance', 'sized', {
  compiledTemplate: 'listentry',
  params: { value: 'request.useragent | "1"' },
});

const check = (name: string, user: string): Promise<Decision> =>
  asking.check({ 'request.path': `/${name}`, 'request.useragent': user });

test('[MX-1] [MX-6] a compiled Rego policy decides inside the policy service, and is exchanged while it runs', async () => {
  copyFileSync(bundle, path);
  const wasm = { url: pathToFileURL(path).href, refreshInterval: '1s', timeout: '1s' };
  const checkMethod = 'data.shop.decision';
  const applied = await apply(question, sized, ...opa('shop', { checkMethod, wasm }));
  expect(applied.stderr).toBe('');
  const refused = await asking.until(
    ({ allowed }) => !allowed,
    () => check('shop', 'eve'),
  );
  expect(refused).toMatchObject({ code: 7, message: expect.stringContaining('only owners may do that') });
  expect(await check('shop', 'jason')).toMatchObject({ allowed: true });

  const changed = await apply(...opa('shop', { checkMethod, wasm: { ...wasm, data: { owners: ['eve'] } } }));
  expect(changed.stderr).toBe('');
  await asking.until(
    ({ allowed }) => allowed,
    () => check('shop', 'eve'),
  );
  expect(await check('shop', 'jason')).toMatchObject({ allowed: false });

  // What is no policy is not taken over.
  writeFileSync(`${path}.new`, 'broken');
  renameSync(`${path}.new`, path);
  const deadline = performance.now() + 30_000;
  let shown = '';
  while (!shown.includes('neither a Wasm module') && performance.now() < deadline)
    shown = (await xebec(['get', 'handler', 'shop', '-o', 'yaml', '--state', state])).stdout;
  expect(shown).toContain('neither a Wasm module');
  expect(await check('shop', 'eve')).toMatchObject({ allowed: true });
}, 90_000);

test('a policy that never ends fails in its time, by its rule only', async () => {
  const content = readFileSync(bundle).toString('base64');
  const endless = {
    checkMethod: 'data.shop.endless',
    wasm: { inline: content, timeout: '200ms' },
  };
  const [handler] = opa('endless', endless);
  const rule = policyObject('rule', 'endless', {
    match: 'request.path == "/endless"',
    actions: [{ handler: 'endless', instances: ['sized'] }],
  });
  const applied = await apply(handler ?? {}, rule);
  expect(applied.stderr).toBe('');
  await asking.until(
    ({ code }) => code === 7,
    () => check('endless', '1'),
  );
  const hanging = check('endless', '100000');
  for (let round = 0; round < 10; round += 1)
    expect(await check('shop', 'eve')).toMatchObject({ allowed: true });
  expect(await hanging).toMatchObject({ allowed: false, code: 14 });
  await asking.until(
    ({ code }) => code === 7,
    () => check('endless', '1'),
  );
}, 90_000);

test('Rego as text is refused with how to compile it', async () => {
  const refused = await apply(
    policyObject('handler', 'text', { compiledAdapter: 'opa', params: { policy: ['package a'] } }),
  );
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('opa build -t wasm');
}, 60_000);
