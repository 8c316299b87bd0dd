// Tests of policies: the sample's pass, what is not as expected is told with its reason, and mistakes are no tests.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Cli } from '../cli.ts';
import type { TestOptions } from '../commands/test.ts';
import { testPolicies } from './test-policies.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'xebec-policy-tests-'));
  writeFileSync(join(directory, 'bookinfo.yaml'), readFileSync(join(root, 'samples/bookinfo/bookinfo.yaml')));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function run(cwd: string, names: readonly string[], output: TestOptions['output'] = 'table') {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const cli: Cli = { stdin: new PassThrough(), stdout, stderr, env: {}, cwd, home: cwd, program: '' };
  const code = await testPolicies(cli, names, { output });
  const textOf = (stream: PassThrough): string => String(stream.read() ?? '');
  return { code, stdout: textOf(stdout), stderr: textOf(stderr) };
}

const write = (tests: string): void => writeFileSync(join(directory, 'a.authz.test.yaml'), tests);

test('the tests of the sample pass', async () => {
  const { code, stdout } = await run(root, ['samples']);
  expect(stdout).toContain('11 tests passed');
  expect(code).toBe(0);
});

const policy = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: reviews }
spec:
  selector: { matchLabels: { app: reviews } }
  rules:
    - from: [{ source: { serviceAccounts: [bookinfo-productpage] } }]
`;

test('what is not as expected is told with the reason', async () => {
  writeFileSync(join(directory, 'policy.yaml'), policy);
  write(`tests:
  - to: reviews
    cases:
      - { from: productpage-v1, expect: ALLOW, by: reviews }
      - { from: ratings-v1, expect: ALLOW }
      - { from: productpage-v1, expect: ALLOW, by: "other[1]" }
      - { from: nothing-v1, expect: DENY }
`);
  const { code, stdout } = await run(directory, []);
  expect(stdout).toBe(`a.authz.test.yaml
  ok    productpage-v1 → reviews
  FAIL  ratings-v1 → reviews (a.authz.test.yaml:5)
        expected ALLOW, got DENY
        there are policies that allow, and none of them matches
        ALLOW AuthorizationPolicy default/reviews (policy.yaml:1): does not match
          rule 0 (policy.yaml:7): does not match, because of "from"
  FAIL  productpage-v1 → reviews (a.authz.test.yaml:6)
        expected ALLOW by other[1], got it by default/reviews[0]
        by AuthorizationPolicy default/reviews, rule 0 (policy.yaml:7)
        ALLOW AuthorizationPolicy default/reviews (policy.yaml:1): matches
          rule 0 (policy.yaml:7): matches
  FAIL  nothing-v1 → reviews (a.authz.test.yaml:7)
        error: there is no workload "nothing-v1"; there are: details-v1-0.default, details-v1.default, productpage-v1-0.default, productpage-v1.default, ratings-v1-0.default, ratings-v1.default, reviews-v1-0.default, reviews-v1.default, reviews-v2-0.default, reviews-v2.default, … [unknown-workload]
3 tests failed, 1 test passed
`);
  expect(code).toBe(1);
  const junit = await run(directory, [], 'junit');
  expect([junit.code, junit.stdout.match(/<failure/g)?.length]).toEqual([1, 3]);
  expect(JSON.parse((await run(directory, [], 'json')).stdout)).toMatchObject({ passed: 1, failed: 3 });
});

test('a test that leaves open what decides does not pass', async () => {
  writeFileSync(
    join(directory, 'policy.yaml'),
    policy.replace('    - from', '    - to: [{ operation: { methods: [GET] } }]\n      from'),
  );
  write('tests: [{ from: productpage-v1, to: reviews, expect: DENY }]');
  const { code, stdout } = await run(directory, []);
  expect(stdout).toContain('expected DENY, but it depends on method, which the test does not say');
  expect(code).toBe(1);
});

test.each([
  ['tests: [{ to: reviews, expect: ALLOW, form: a }]', 'did you mean "from"?'],
  ['tests: [{ expect: ALLOW }]', 'the test does not say who is called'],
  ['tests: [{ to: reviews }]', 'the test expects nothing'],
  ['tests: [{ to: reviews, expect: MAYBE }]', 'the test expects nothing'],
  ['tests: [{ to: reviews, expect: DENY, port: many }]', 'this is no port'],
  ['tests: []', 'the file holds no tests'],
  ['files: [nowhere.yaml]\ntests: [{ to: reviews, expect: DENY }]', 'nowhere.yaml does not exist'],
  ['tests: [', 'a.authz.test.yaml:1'],
])('%s', async (tests, message) => {
  write(tests);
  const { code, stdout, stderr } = await run(directory, []);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});

test('policies that are not valid are no policies to test', async () => {
  writeFileSync(join(directory, 'policy.yaml'), policy.replace('serviceAccounts', 'serviceAcounts'));
  write('tests: [{ from: productpage-v1, to: reviews, expect: DENY }]');
  const { code, stderr } = await run(directory, []);
  expect(stderr).toContain('serviceAcounts');
  expect(code).toBe(2);
});

test('a directory without tests is a mistake', async () => {
  const { code, stderr } = await run(root, ['docs']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('no file *.authz.test.yaml')]);
});
