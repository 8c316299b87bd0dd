// Credentials of handlers out of Secrets: they reach the backend, change while it runs, and are in nothing that anybody is shown.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { type Run, xebec } from './support/mesh.ts';
import { askPolicy, type PolicyAsking, policyObject } from './support/policy-asking.ts';
import { type PolicyServiceProcess, startPolicyService } from './support/policy-service.ts';

const state = mkdtempSync(join(tmpdir(), 'xb-secrets-'));
let controlPlane: ControlPlaneProcess;
let service: PolicyServiceProcess;
let asking: PolicyAsking;
const tokens: string[] = [];
const backend = createServer((request, response) => {
  const token = request.headers.authorization ?? 'none';
  tokens.push(token);
  request.resume().on('end', () => {
    response.end(JSON.stringify({ allow: token === `Bearer ${good}`, message: 'who are you?' }));
  });
});
let good = 'first-s3cret';

beforeAll(async () => {
  await new Promise<void>((resolve) => void backend.listen(0, '127.0.0.1', resolve));
  controlPlane = await startControlPlane(['--state', state, '--xds', '127.0.0.1:0', '--http', '127.0.0.1:0']);
  service = await startPolicyService(['--state', state, '--control-plane', controlPlane.address('xds')]);
  asking = askPolicy(() => service);
}, 90_000);
afterAll(async () => {
  await service?.kill('SIGTERM');
  await controlPlane?.kill('SIGTERM');
  backend.closeAllConnections();
  backend.close();
  rmSync(state, { recursive: true, force: true });
}, 30_000);

const apply = (...documents: readonly object[]): Promise<Run> => {
  const input = documents.map((each) => JSON.stringify(each)).join('\n---\n');
  return xebec(['apply', '-f', '-', '--state', state], { input, timeoutMs: 60_000 });
};
const secret = (token: string, namespace = 'default'): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'gatekeeper', namespace },
  stringData: { token, other: 'not-asked-for' },
});
const url = (): string => {
  const at = backend.address();
  return `http://127.0.0.1:${typeof at === 'object' ? at?.port : 0}`;
};
const check = (path: string) => asking.check({ 'request.path': path });

test('a token out of a Secret reaches the backend, and another one with no restart; without the Secret the rule fails', async () => {
  const { pid } = service;
  const params = { url: url(), tokenPath: 'secret:gatekeeper/token' };
  const applied = await apply(
    policyObject('handler', 'gatekeeper', { compiledAdapter: 'webhook', params }),
    policyObject('instance', 'nothing', { compiledTemplate: 'checknothing' }),
    policyObject('rule', 'gatekeeper', {
      match: 'request.path == "/asked"',
      actions: [{ handler: 'gatekeeper', instances: ['nothing'] }],
    }),
    // Another namespace's Secret of that name is none of its business.
    secret(good, 'other'),
  );
  expect(applied.stderr).toBe('');
  const failed = await asking.until(
    ({ allowed }) => !allowed,
    () => check('/asked'),
  );
  expect(failed).toMatchObject({ code: 14 });
  expect(failed.message).toContain('the Secret gatekeeper in namespace default is not there');
  expect(tokens).toEqual([]);

  expect((await apply(secret(good))).stderr).toBe('');
  await asking.until(
    ({ allowed }) => allowed,
    () => check('/asked'),
  );
  good = 'second-s3cret';
  expect((await apply(secret(good))).stderr).toBe('');
  await asking.until(
    ({ allowed }) => allowed,
    () => check('/asked'),
  );
  expect(new Set(tokens)).toEqual(new Set(['Bearer first-s3cret', 'Bearer second-s3cret']));
  expect(service.pid).toBe(pid);
}, 90_000);

test('it is in nothing that is shown, logged or saved', async () => {
  const shown = await Promise.all(
    [
      ['get', 'handler', 'gatekeeper', '-o', 'yaml'],
      ['get', 'handler', 'gatekeeper', '-o', 'json'],
      ['status', '-o', 'json'],
    ].map((parameters) => xebec([...parameters, '--state', state], { timeoutMs: 60_000 })),
  );
  const directories = [join(state, 'policy'), state].flatMap((directory) => filesOf(directory));
  const saved = directories.filter((path) => path.endsWith('configuration.json'));
  expect(saved).not.toEqual([]);
  const texts = [
    ...shown.map(({ stdout, stderr }) => stdout + stderr),
    ...saved.map((path) => readFileSync(path, 'utf8')),
    service.log(),
  ];
  for (const text of texts)
    for (const word of ['s3cret', Buffer.from(good).toString('base64'), 'not-asked-for'])
      expect(text).not.toContain(word);
  expect(shown[0]?.stdout).toContain('secret:gatekeeper/token');
}, 90_000);

function filesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
}
