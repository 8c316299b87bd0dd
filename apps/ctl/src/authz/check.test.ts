// Questions about documents alone: what is printed, and the exit code that scripts rely on.
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Cli } from '../cli.ts';
import { buildProgram } from '../program.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const files = ['-f', 'samples/authorization', '-f', 'samples/bookinfo'];

async function run(...words: readonly string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const cli: Cli = { stdin, stdout, stderr, env: {}, cwd: root, home: root, program: '' };
  let code = -1;
  const program = buildProgram(cli, (result) => {
    code = result;
  });
  await program.parseAsync(['authz', ...words, ...files], { from: 'user' });
  const textOf = (stream: PassThrough): string => String(stream.read() ?? '');
  return { code, stdout: textOf(stdout), stderr: textOf(stderr) };
}

const call = ['check', '--to', 'details', '--method', 'GET', '--path', '/details/1'];

test('allowed', async () => {
  expect(await run(...call, '--from', 'productpage-v1')).toEqual({
    code: 0,
    stderr: '',
    stdout: `allowed: productpage-v1 → details, GET /details/1
  by AuthorizationPolicy default/details, rule 0 (samples/authorization/policies.yaml:23)
  ALLOW AuthorizationPolicy default/details (samples/authorization/policies.yaml:17): matches
    rule 0 (samples/authorization/policies.yaml:23): matches
  DENY AuthorizationPolicy default/no-strangers-write (samples/authorization/policies.yaml:45): does not match
    rule 0 (samples/authorization/policies.yaml:51): does not match, because of "from"
  ALLOW AuthorizationPolicy default/nobody (samples/authorization/policies.yaml:2): does not match
`,
  });
});

test('denied, as JSON', async () => {
  const { code, stdout } = await run(...call, '--from', 'ratings-v1', '-o', 'json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    decision: 'DENY',
    reason: 'nothing-allows',
    policy: null,
    rule: null,
    origin: null,
    unknown: [],
    considered: [{ policy: 'AuthorizationPolicy/default/details', matches: 'no' }, {}, {}],
    workloads: [{ workload: 'Pod/default/details-v1-0', decision: 'DENY' }],
  });
});

test('what is missing is named', async () => {
  const { code, stdout } = await run('check', '--to', 'details', '--from', 'productpage-v1');
  expect(code).toBe(1);
  expect(stdout).toContain('it depends on method, path, which the question does not say');
});

test('a name that nothing has is no answer', async () => {
  const { code, stdout, stderr } = await run('check', '--to', 'detials');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain('did you mean "details.default"?');
});

test('the policies that hold', async () => {
  const { code, stdout } = await run('list', '--to', 'details');
  expect(code).toBe(0);
  expect(stdout.split('\n').map((line) => line.split(/ {3,}/))).toEqual([
    ['WORKLOAD', 'MTLS', 'ACTION', 'POLICY', 'RULES', 'WRITTEN'],
    ...[
      ['ALLOW', 'details.default', '1', 'samples/authorization/policies.yaml:17'],
      ['DENY', 'no-strangers-write.default', '1', 'samples/authorization/policies.yaml:45'],
      ['ALLOW', 'nobody.default', '0', 'samples/authorization/policies.yaml:2'],
    ].map((row) => ['details-v1-0.default', 'PERMISSIVE', ...row]),
    [''],
  ]);
});
