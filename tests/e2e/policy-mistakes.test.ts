// Expressions that are wrong are refused when they are written, whatever kind they are in: `xebec apply` says in which file and where.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { xebec } from './support/mesh.ts';

const state = mkdtempSync(join(tmpdir(), 'xb-mistakes-'));
let controlPlane: ControlPlaneProcess;

beforeAll(async () => {
  controlPlane = await startControlPlane(['--state', state, '--xds', '127.0.0.1:0', '--http', '127.0.0.1:0']);
}, 90_000);
afterAll(async () => {
  await controlPlane?.kill('SIGTERM');
  rmSync(state, { recursive: true, force: true });
}, 30_000);

const written = (kind: string, spec: string): string =>
  `apiVersion: config.istio.io/v1alpha2\nkind: ${kind}\nmetadata: { name: wrong, namespace: shop }\nspec:\n${spec}`;

it.each([
  [
    'the match of a rule',
    written(
      'rule',
      '  actions: []\n  requestHeaderOperations:\n    - { name: x, values: [\'"1"\'] }\n  match: source.namespce == "a"\n',
    ),
    '8:3',
    'source.namespce',
  ],
  [
    'the type of a match',
    written(
      'rule',
      '  actions: []\n  requestHeaderOperations:\n    - { name: x, values: [\'"1"\'] }\n  match: request.size == "a"\n',
    ),
    '8:3',
    'request.size',
  ],
  [
    'a value of a header',
    written(
      'rule',
      '  actions: []\n  requestHeaderOperations:\n    - { name: x, values: ["request.nothing"] }\n',
    ),
    '7:27',
    'request.nothing',
  ],
  [
    'a dimension of a quota',
    written('instance', '  compiledTemplate: quota\n  params:\n    dimensions:\n      user: source.usr\n'),
    '8:7',
    'source.usr',
  ],
  [
    'a field of an instance',
    written('instance', '  compiledTemplate: listentry\n  params:\n    value: request.headers["a"] ||\n'),
    '7:5',
    '',
  ],
  [
    'an attribute of two types',
    written('attributemanifest', '  attributes:\n    source.namespace: { valueType: INT64 }\n'),
    '6:5',
    'source.namespace',
  ],
])('[MX-3] %s', async (what, text, place, word) => {
  const file = join(state, 'wrong.yaml');
  writeFileSync(file, text);
  const { code, stderr } = await xebec(['apply', '-f', file, '--state', state], { timeoutMs: 60_000 });
  expect([what, code]).toEqual([what, 1]);
  expect(stderr).toContain(`wrong.yaml:${place}`);
  expect(stderr).toContain(word);
  const { stdout } = await xebec([
    'get',
    text.includes('kind: rule') ? 'rules' : 'instances',
    '-n',
    'shop',
    '--state',
    state,
  ]);
  expect(stdout).not.toContain('wrong');
});
