// The policy service beside a control plane: what is configured takes effect live and whole, what is wrong is refused at its place, and neither needs the other to go on.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { type Run, startMesh, xebec } from './support/mesh.ts';
import { type PolicyServiceProcess, startPolicyService } from './support/policy-service.ts';

const state = mkdtempSync(join(tmpdir(), 'xb-policy-'));
let controlPlane: ControlPlaneProcess;
let service: PolicyServiceProcess;

const startBoth = async (): Promise<void> => {
  controlPlane = await startControlPlane(['--state', state, '--xds', '127.0.0.1:0', '--http', '127.0.0.1:0']);
  service = await startPolicyService(['--state', state, '--control-plane', controlPlane.address('xds')]);
};

beforeAll(startBoth, 90_000);
afterAll(async () => {
  await service?.kill('SIGTERM');
  await controlPlane?.kill('SIGTERM');
  rmSync(state, { recursive: true, force: true });
}, 30_000);

const apply = (...documents: readonly string[]): Promise<Run> =>
  xebec(['apply', '-f', '-', '--state', state], { input: documents.join('---\n'), timeoutMs: 60_000 });

const written = (kind: string, name: string, spec: string): string =>
  `apiVersion: config.istio.io/v1alpha2\nkind: ${kind}\nmetadata: { name: ${name}, namespace: default }\nspec: ${spec}\n`;
const denier = (name: string, message: string): string =>
  written(
    'handler',
    name,
    `{ compiledAdapter: denier, params: { status: { code: 7, message: "${message}" } } }`,
  );
const rule = (name: string, handler: string, match: string): string =>
  written('rule', name, `{ match: '${match}', actions: [{ handler: ${handler}, instances: [nothing] }] }`);
const nothing = written('instance', 'nothing', '{ compiledTemplate: checknothing }');

interface Decision {
  readonly allowed: boolean;
  readonly message: string;
}

async function check(attributes: Readonly<Record<string, unknown>>): Promise<Decision> {
  const answer = await service.ask('/v1/check', {
    attributes: { 'destination.namespace': 'default', ...attributes },
  });
  const { allowed, status } = Object(answer);
  return { allowed: allowed === true, message: String(status?.message ?? JSON.stringify(answer)) };
}

/** Awaits a decision with a deadline. */
async function until(
  attributes: Readonly<Record<string, unknown>>,
  isIt: (decision: Decision) => boolean,
): Promise<Decision> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    const decision = await check(attributes);
    if (isIt(decision)) return decision;
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(decision)}\n${service.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const path = (value: string) => ({ 'request.path': value });

test('[MG-12] [MX-9] handlers, instances and rules take effect with no restart, and all of a transaction at once', async () => {
  expect(await check(path('/a'))).toMatchObject({ allowed: true });
  const round = (number: number): readonly string[] => [
    denier('one', `round ${number}`),
    denier('two', `round ${number}`),
  ];
  const applied = await apply(
    ...round(0),
    nothing,
    rule('one', 'one', 'request.path == "/a"'),
    rule('two', 'two', 'request.path == "/a"'),
  );
  expect(applied).toMatchObject({ code: 0 });
  await until(path('/a'), ({ allowed }) => !allowed);
  expect(await check(path('/b'))).toMatchObject({ allowed: true });
  const { pid } = service;
  // Both rules speak in every answer: they must be of one round always.
  const seen = new Set<string>();
  let isOver = false;
  const asking = (async () => {
    while (!isOver) seen.add((await check(path('/a'))).message.replaceAll(/[^0-9,]/g, ''));
  })();
  for (let number = 1; number <= 3; number += 1) {
    expect((await apply(...round(number))).code).toBe(0);
    await until(path('/a'), ({ message }) => message.includes(`round ${number}`));
  }
  isOver = true;
  await asking;
  for (const rounds of seen) expect(new Set(rounds.split(',')).size, rounds).toBe(1);
  expect(seen.size).toBeGreaterThanOrEqual(4);
  expect((await apply(rule('two', 'two', 'request.path == "/b"'))).code).toBe(0);
  await until(path('/b'), ({ allowed }) => !allowed);
  expect(service.pid).toBe(pid);
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain('policy');
}, 90_000);

test('[MX-3] an unknown attribute or a wrong type is refused at write with its position; the last good value decides', async () => {
  const before = await check(path('/a'));
  expect(before.allowed).toBe(false);
  const unknown = await apply(rule('one', 'one', 'request.path == "/c" || request.pth == "/c"'));
  expect(unknown.code).not.toBe(0);
  expect(unknown.stderr).toContain('request.pth');
  expect(unknown.stderr).toMatch(/column 25/);
  expect(unknown.stderr).toContain('request.path');
  const wrong = await apply(rule('one', 'one', 'request.size == "large"'));
  expect(wrong.code).not.toBe(0);
  const handler = await apply(
    written('handler', 'one', '{ compiledAdapter: denier, params: { stats: {} } }'),
  );
  expect(handler.code).not.toBe(0);
  expect(handler.stderr).toContain('spec.params.stats');
  expect(await check(path('/a'))).toEqual(before);
}, 60_000);

test('[MX-4] an attribute by manifest, filled in by an adapter that produces attributes, is used with no restart', async () => {
  const early = await apply(rule('team', 'one', 'job.team == "red"'));
  expect(early.stderr).toContain('job.team');
  const applied = await apply(
    written('attributemanifest', 'jobs', '{ attributes: { job.team: { valueType: STRING } } }'),
    written('handler', 'workloads', '{ compiledAdapter: kubernetesenv }'),
    written(
      'instance',
      'workload',
      `{ compiledTemplate: kubernetes, params: { destination_ip: 'destination.ip | ip("0.0.0.0")' }, attributeBindings: { job.team: '$out.destination_labels["team"] | "none"' } }`,
    ),
    written('rule', 'fill-in', '{ actions: [{ handler: workloads, instances: [workload] }] }'),
    denier('team', 'red has to wait'),
    rule('team', 'team', 'job.team == "red"'),
    `apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: { name: trainer, namespace: default }\nspec: { address: 192.0.2.7, labels: { team: red } }\n`,
  );
  expect(applied.stderr).toBe('');
  const red = { 'destination.ip': '192.0.2.7', ...path('/job') };
  expect((await until(red, ({ allowed }) => !allowed)).message).toContain('red has to wait');
  expect(await check({ 'destination.ip': '192.0.2.8', ...path('/job') })).toMatchObject({ allowed: true });
}, 60_000);

test('what a policy service has in force, and what it cannot use, is told with the mesh and with the object', async () => {
  const status = await xebec(['status', '--state', state], { timeoutMs: 30_000 });
  expect(status.stdout).toMatch(new RegExp(`policy service +revision \\d+ +${service.address('grpc')}`));
  expect((await apply(rule('lost', 'nobody', 'request.path == "/lost"'))).code).toBe(0);
  await until(path('/lost'), ({ allowed }) => !allowed);
  const deadline = performance.now() + 15_000;
  let shown = '';
  while (!shown.includes('nobody') && performance.now() < deadline)
    shown =
      (await xebec(['get', 'rule', 'lost', '-o', 'yaml', '--state', state])).stdout.split('status:')[1] ?? '';
  expect(shown).toContain('unknown-handler');
  expect((await xebec(['delete', 'rule', 'lost', '--state', state])).code).toBe(0);
}, 60_000);

const ask = (command: readonly string[], input?: string): Promise<Run> =>
  xebec([...command, '--state', state], { ...(input === undefined ? {} : { input }), timeoutMs: 30_000 });

test('what rules and handlers did, and which of them speaks about a call, is told with the place where it is written', async () => {
  const call = (value: string): string =>
    JSON.stringify({ 'destination.namespace': 'default', 'request.path': value });
  const refused = await ask(['policy', 'check', '--attributes', '-'], call('/a'));
  expect(refused).toMatchObject({ code: 1, stderr: '' });
  expect(refused.stdout).toMatch(/^refused: PERMISSION_DENIED one\.default:round 3\n/);
  expect(refused.stdout).toMatch(/^one\.default +one\.default +PERMISSION_DENIED .*<stdin>:\d+/m);
  const allowed = await ask(['policy', 'check', '--attributes', '-'], call('/nothing'));
  expect(allowed).toMatchObject({ code: 0, stdout: 'allowed\nno rule with a check matches\n' });
  const wrong = await ask(['policy', 'check', '--attributes', '-'], '{"request.size": "large"}');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('request.size') });
  const rules = await ask(['policy', 'rules', '-o', 'json']);
  const one: unknown = JSON.parse(rules.stdout).find(
    ({ name }: { name: string }) => name === 'one.rule.default',
  );
  expect(one).toMatchObject({ failed: 0, origin: expect.stringMatching(/^<stdin>:\d+/) });
  expect(Object(one).denied).toBeGreaterThan(0);
  expect(Object(one).matched).toBe(Object(one).denied);
  expect((await ask(['policy', 'rules'])).stdout).toMatch(/^one\.default +\d+ +\d+ +0 +0 +close +<stdin>:/m);
  expect((await ask(['policy', 'handlers'])).stdout).toMatch(/^one\.default +denier +\d+ +0 .* well$/m);
  expect((await ask(['metrics', 'policy-service'])).stdout).toMatch(
    /^xebec_policy_rule_calls_total\{rule="one\.rule\.default",outcome="denied"\} [1-9]/m,
  );
  const both = await ask(['get', 'rules,handlers']);
  expect(both.stdout).toMatch(/^# rule\n[^#]*^one .*^# handler\n[^#]*^one /ms);
  const named = await ask(['get', 'rules,handlers', 'one']);
  expect(named).toMatchObject({ code: 1, stderr: expect.stringContaining('several-kinds') });
}, 60_000);

test('the control plane goes and comes back: decisions go on, also after a restart of the policy service', async () => {
  const address = controlPlane.address('xds');
  await controlPlane.kill('SIGKILL');
  expect(await check(path('/a'))).toMatchObject({ allowed: false });
  expect(await service.kill('SIGTERM')).toBe(0);
  service = await startPolicyService(['--state', state, '--control-plane', address]);
  expect(await check(path('/a'))).toMatchObject({ allowed: false });
  controlPlane = await startControlPlane(['--state', state, '--xds', address, '--http', '127.0.0.1:0']);
  expect((await apply(denier('one', 'after the return'))).code).toBe(0);
  await until(path('/a'), ({ message }) => message.includes('after the return'));
}, 90_000);

test('xebec up has no policy service until the first object for one, starts one then, and again when it is killed', async () => {
  const directory = join(state, 'manifests');
  mkdirSync(directory);
  writeFileSync(join(directory, 'a.yaml'), 'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n');
  await using mesh = await startMesh({ paths: [directory], ingressPort: false });
  const services = async (): Promise<readonly unknown[]> =>
    Object(await mesh.admin('/v1/status')).policyServices ?? [];
  expect(await services()).toEqual([]);
  expect((await mesh.apply([nothing, denier('one', 'no'), rule('one', 'one', '')].join('---\n'))).code).toBe(
    0,
  );
  const untilThere = async (isNew: (node: string) => boolean): Promise<string> => {
    for (const deadline = performance.now() + 30_000; performance.now() < deadline; ) {
      const [first] = await services();
      const node = String(Object(first).node ?? '');
      if (node !== '' && isNew(node)) return node;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error((await mesh.xebec(['logs', 'policy'])).stdout);
  };
  const first = await untilThere(() => true);
  const pid = Number(first.slice(first.lastIndexOf('-') + 1));
  expect(pid).toBeGreaterThan(1);
  process.kill(pid, 'SIGKILL');
  await untilThere((node) => node !== first);
}, 120_000);
