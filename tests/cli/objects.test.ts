// apply, delete, get, history and rollback against a real control plane, without an agent.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkspace, root, type Workspace } from './support/run-cli.ts';

let work: Workspace;
beforeAll(async () => {
  work = openWorkspace();
  await work.start(['controlplane', '--state', work.state]).until(' ready');
});
afterAll(() => work.dispose());

const service = (name: string, port = 9080): string => `apiVersion: v1
kind: Service
metadata:
  name: ${name}
spec:
  ports:
    - port: ${port}
      name: http
`;

const newest = async (): Promise<{ number: number; author: string; message: string }> => {
  const { stdout } = await work.run(['history', '-o', 'json', '-l', '1']);
  const { items } = JSON.parse(stdout) as { items: { number: number; author: string; message: string }[] };
  return items[0] ?? { number: 0, author: '', message: '' };
};

describe('apply', () => {
  it('creates, changes, and leaves alone what is equal', async () => {
    work.write('a.yaml', `${service('alpha')}---\n${service('beta')}`);
    const created = await work.run(['apply', '-f', 'a.yaml']);
    expect(created.stdout).toMatch(
      /^service\/alpha created\nservice\/beta created\nrevision \d+: 2 objects changed\n$/,
    );
    work.write('a.yaml', `${service('alpha', 9081)}---\n${service('beta')}`);
    const changed = await work.run(['apply', '-f', 'a.yaml']);
    expect(changed.stdout).toMatch(
      /^service\/alpha configured\nservice\/beta unchanged\nrevision \d+: 1 object changed\n$/,
    );
    const again = await work.run(['apply', '-f', 'a.yaml']);
    expect(again.stdout).toBe('service/alpha unchanged\nservice/beta unchanged\n');
  });

  it('takes all or nothing, and says where', async () => {
    const before = await newest();
    work.write(
      'mixed.yaml',
      `${service('gamma')}---\n${service('delta').replace('port: 9080', 'port: 99999')}`,
    );
    const { code, stdout, stderr } = await work.run(['apply', '-f', 'mixed.yaml']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^mixed\.yaml:16:\d+: error: spec\.ports\[0\]\.port: /);
    expect((await work.run(['get', 'service', 'gamma'])).code).toBe(1);
    expect(await newest()).toEqual(before);
  });

  it('shows what it would do, line by line, and does nothing', async () => {
    const before = await newest();
    work.write('a.yaml', `${service('alpha', 9082)}---\n${service('new')}`);
    const { code, stdout } = await work.run(['apply', '-f', 'a.yaml', '--dry-run']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^service\/alpha configured \(dry run\)\nservice\/new created \(dry run\)\n/);
    expect(stdout).toMatch(/^-.*port: 9081$/m);
    expect(stdout).toMatch(/^\+.*port: 9082$/m);
    expect(await newest()).toEqual(before);
  });

  it('waits for the proxies concerned: none here', async () => {
    const { code, stdout } = await work.run(['apply', '-f', '-', '--wait=5s', '-m', 'because'], {
      input: service('epsilon'),
      env: { XEBEC_AUTHOR: 'somebody' },
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Service\/default\/epsilon +0 +0 +0 +no proxy needs it$/m);
    expect(await newest()).toMatchObject({ author: 'somebody', message: 'because' });
  });

  it('leaves the file for this machine to the agent', async () => {
    const { code, stderr } = await work.run(['apply', '-f', join(root, 'samples/bookinfo')]);
    expect([code, stderr]).toEqual([0, '']);
  });

  it('gives programs the revision and each change', async () => {
    const { code, stdout } = await work.run(['apply', '-f', '-', '-o', 'json', '--wait'], {
      input: service('zeta'),
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      revision: expect.any(Number),
      changes: [{ key: 'Service/default/zeta', change: 'created', origin: { file: '<stdin>', line: 1 } }],
      convergence: { isDone: true, objects: [{ key: 'Service/default/zeta', targeted: [] }] },
    });
    const refused = await work.run(['apply', '-f', '-', '-o', 'json'], { input: 'kind: 5\n' });
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toHaveProperty('diagnostics');
  });
});

describe('get', () => {
  it.each(['svc', 'service', 'Services'])('understands %s', async (word) => {
    const { code, stdout } = await work.run(['get', word]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^NAME +TYPE +CLUSTER-IP +PORTS +AGE\n/);
    expect(stdout).toMatch(/^beta +ClusterIP +- +9080\/TCP +\d+s$/m);
  });

  it('shows one as YAML and JSON, with origin and status', async () => {
    const yaml = await work.run(['get', 'svc', 'beta', '-o', 'yaml']);
    expect(yaml.stdout).toMatch(/^apiVersion: v1\nkind: Service\nmetadata:\n/);
    const json = await work.run(['get', 'svc/beta', '-o', 'json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      kind: 'Service',
      metadata: { name: 'beta' },
      origin: { file: 'a.yaml' },
      status: { xebec: { accepted: true } },
    });
    const list = await work.run(['get', 'svc', '-o', 'json']);
    expect(JSON.parse(list.stdout)).toMatchObject({ kind: 'List', items: expect.any(Array) });
  });

  it('keeps namespaces apart', async () => {
    await work.run(['apply', '-n', 'shop', '-f', '-'], { input: service('elsewhere') });
    expect((await work.run(['get', 'svc'])).stdout).not.toContain('elsewhere');
    expect((await work.run(['get', 'svc', '-A'])).stdout).toMatch(/^shop +elsewhere /m);
    const none = await work.run(['get', 'gateways', '-n', 'shop']);
    expect([none.code, none.stdout]).toEqual([0, '']);
    expect(none.stderr).toContain('no Gateway found in namespace shop');
  });

  it('lists all kinds at once', async () => {
    const { code, stdout } = await work.run(['get', 'all']);
    expect(code).toBe(0);
    expect(stdout).toContain('# Service\n');
    expect(stdout).toContain('# VirtualService\n');
  });

  it('fails when the one that was named is not there', async () => {
    const { code, stderr } = await work.run(['get', 'vs', 'nobody']);
    expect(code).toBe(1);
    expect(stderr).toContain('there is no VirtualService "nobody" in namespace default');
  });
});

describe('history, rollback, delete', () => {
  it('goes back and says what that changed', async () => {
    const { number } = await newest();
    await work.run(['apply', '-f', '-'], { input: service('omega') });
    const removed = await work.run(['rollback', String(number)]);
    expect(removed.stdout).toMatch(/^service\/omega deleted\nrevision \d+: 1 object changed\n$/);
    expect((await work.run(['get', 'svc', 'omega'])).code).toBe(1);
    const again = await work.run(['rollback', String(number)]);
    expect(again.stdout).toContain('nothing to do');
    const unknown = await work.run(['rollback', '4711']);
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('4711')]);
  });

  it('shows the lines of a revision', async () => {
    await work.run(['apply', '-f', '-'], { input: service('beta', 9099) });
    const { stdout } = await work.run(['history', '--diff', '-l', '1']);
    expect(stdout).toMatch(/^-.*port: 9080$/m);
    expect(stdout).toMatch(/^\+.*port: 9099$/m);
    const table = await work.run(['history']);
    expect(table.stdout).toMatch(/^REVISION +TIME +AUTHOR +SOURCE +CHANGES +MESSAGE\n/);
  });

  it('deletes by name and by file', async () => {
    expect((await work.run(['delete', 'svc', 'zeta', 'epsilon'])).stdout).toMatch(
      /service\/epsilon deleted\n/,
    );
    const byFile = await work.run(['delete', '-f', '-'], { input: service('alpha') });
    expect(byFile.stdout).toMatch(/^service\/alpha deleted\n/);
    const missing = await work.run(['delete', 'svc', 'zeta']);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining('there is no Service/default/zeta'),
    ]);
  });
});

describe('the state directory', () => {
  it('has one holder', async () => {
    const { code, stderr } = await work.run(['controlplane', '--state', work.state]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/is in use by xebec controlplane \(process \d+, since .*\); end that one/);
  });

  it('down ends a control plane that holds it', async () => {
    const { code, stdout } = await work.run(['down']);
    expect([code, stdout]).toEqual([0, 'the mesh is down; its state stays\n']);
    expect((await work.run(['get', 'svc'])).code).toBe(1);
  });
});
