// xebec validate: places, fields, messages and remedies, without a mesh.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkspace, root, type Workspace } from './support/run-cli.ts';

let work: Workspace;
beforeAll(() => {
  work = openWorkspace();
});
afterAll(() => work.dispose());

const service = `apiVersion: v1
kind: Service
metadata:
  name: reviews
spec:
  ports:
    - port: 9080
      name: http
`;

const route = (host: string): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts:
    - reviews
  http:
    - route:
        - destination:
            host: ${host}
`;

describe('validate', () => {
  it('accepts the sample', async () => {
    const { code, stdout, stderr } = await work.run(['validate', '-f', join(root, 'samples/bookinfo')]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^valid: \d+ objects in 3 files\n$/);
  });

  it('names file, line, column, field, problem and remedy', async () => {
    work.write('bad/service.yaml', service.replace('port: 9080', 'prot: 9080'));
    const { code, stdout, stderr } = await work.run(['validate', '-f', 'bad/service.yaml']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^bad\/service\.yaml:7:7: error: spec\.ports\[0\]\.prot: .*did you mean "port"\?/m,
    );
    expect(stdout).toMatch(/^not valid: \d errors? in 1 file\n$/);
  });

  it.each([
    ['broken YAML', 'a: [1, 2\nb: }', /^in\.yaml:\d+:\d+: error: /m],
    [
      'an unknown kind',
      'apiVersion: v1\nkind: Sevrice\nmetadata:\n  name: a\n',
      /in\.yaml:2:\d+: error: .*Service/,
    ],
    ['a wrong type', service.replace('9080', 'many'), /in\.yaml:7:\d+: error: spec\.ports\[0\]\.port/],
    ['a reference to nothing', `${service}---\n${route('nobody')}`, /in\.yaml:\d+:\d+: error: .*nobody/],
    ['an object written twice', `${service}---\n${service}`, /in\.yaml:10:1: error: .*written twice/],
    [
      'a bad local file',
      'apiVersion: local.xebec.io/v1alpha1\nkind: LocalImages\nimages:\n  - image: a\n    comand: [b]\n',
      /in\.yaml:\d+:\d+: error: images\[0\]\.comand: is not a known field/,
    ],
  ])('refuses %s', async (_name, text, message) => {
    work.write('in.yaml', text);
    const { code, stderr } = await work.run(['validate', '-f', 'in.yaml']);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  it('only warns of references when told that there is more elsewhere', async () => {
    work.write('alone.yaml', route('nobody'));
    const strict = await work.run(['validate', '-f', 'alone.yaml']);
    const lenient = await work.run(['validate', '-f', 'alone.yaml', '--allow-missing']);
    expect([strict.code, lenient.code]).toEqual([1, 0]);
    expect(lenient.stderr).toMatch(/alone\.yaml:11:\d+: warning: /);
  });

  it('reads standard input, several files and directories', async () => {
    work.write('many/a.yaml', service);
    work.write(
      'many/b.json',
      JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }),
    );
    const { code, stdout } = await work.run(['validate', '-f', '-', '-f', 'many'], {
      input: route('reviews'),
    });
    expect([code, stdout]).toEqual([0, 'valid: 3 objects in 3 files\n']);
    const bad = await work.run(['validate', '-f', '-'], { input: 'kind: 5\n' });
    expect(bad.stderr).toMatch(/^<stdin>:1:\d+: error: /m);
  });

  it('gives programs the same', async () => {
    work.write('bad.yaml', service.replace('port: 9080', 'prot: 9080'));
    const { code, stdout, stderr } = await work.run(['validate', '-f', 'bad.yaml', '-o', 'json']);
    expect([code, stderr]).toEqual([1, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      valid: false,
      objects: 1,
      diagnostics: expect.arrayContaining([
        expect.objectContaining({
          severity: 'error',
          field: 'spec.ports[0].prot',
          origin: expect.objectContaining({ file: 'bad.yaml', line: 7, column: 7 }),
        }),
      ]),
    });
    const yaml = await work.run(['validate', '-f', 'bad.yaml', '-o', 'yaml']);
    expect(yaml.stdout).toContain('valid: false\n');
  });

  it.each([
    ['nowhere.yaml', 'nowhere.yaml does not exist; check the path'],
    ['empty', 'empty holds no .yaml, .yml or .json file'],
  ])('refuses %s', async (name, message) => {
    work.write('empty/.keep', '');
    const { code, stderr } = await work.run(['validate', '-f', name]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  it('shows control characters instead of obeying them', async () => {
    work.write('escape.yaml', `apiVersion: v1\nkind: "\\e[31mred"\nmetadata:\n  name: a\n`);
    const { code, stderr } = await work.run(['validate', '-f', 'escape.yaml']);
    expect(code).toBe(1);
    expect(stderr).not.toContain('\u001b');
  });
});
