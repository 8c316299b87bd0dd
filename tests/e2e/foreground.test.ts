// `up` in the foreground: Ctrl-C at any moment ends everything, and the next start goes on with what there was.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorkspace, type Workspace } from '../cli/support/run-cli.ts';
import { applicationsOf } from './support/applications.ts';
import { fetchText } from './support/http.ts';
import { admin, at, listAt, podsOf, repositoryFile, textAt, until } from './support/mesh.ts';
import { processesNaming } from './support/processes.ts';

const echo = repositoryFile('tests/e2e/apps/echo');
const flags = ['--capture', 'explicit', '--ingress-port', '0'];
let work: Workspace;
beforeEach(() => {
  work = openWorkspace();
});
afterEach(() => work.dispose());

const rootHash = (): string =>
  createHash('sha256')
    .update(readFileSync(join(work.state, 'ca/root-cert.pem')))
    .digest('hex');
const ingress = (): string =>
  textAt(JSON.parse(readFileSync(join(work.state, 'run/mesh.json'), 'utf8')), 'ingress') ?? '';
const revisions = async (): Promise<readonly unknown[]> =>
  listAt(await admin(work.state, '/v1/history'), 'items').map((item) => [
    at(item, 'number'),
    at(item, 'time'),
  ]);
const isServing = /workloads ready/;

describe('[BY-15] [DG-1] up in the foreground', () => {
  it('ends everything on Ctrl-C, and comes back with the same root, objects and history', async () => {
    const first = work.start(['up', echo, ...flags]);
    await first.until(isServing);
    const applied = await work.run(['apply', '-f', '-', '--wait'], {
      input:
        'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo}\nspec: {host: echo}\n',
    });
    expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
    const [hash, history, url] = [rootHash(), await revisions(), ingress()];
    const pods = podsOf(await admin(work.state, '/v1/objects?kind=Pod'));
    expect(Object.keys(applicationsOf(pods))).toHaveLength(2);
    first.child.kill('SIGINT');
    expect((await first.ended).code).toBe(0);
    expect([processesNaming(work.directory), applicationsOf(pods)]).toEqual([[], {}]);
    await expect(fetchText({ url })).rejects.toThrow();

    const second = work.start(['up', echo, ...flags]);
    await second.until(isServing);
    expect(rootHash()).toBe(hash);
    expect(await revisions()).toEqual(history);
    expect((await work.run(['get', 'dr', 'echo'])).code).toBe(0);
    await until('it serves', async () => (await fetchText({ url: ingress() })).status === 200);
    second.child.kill('SIGINT');
    expect((await second.ended).code).toBe(0);
  });

  it.each(['Envoy …', 'checking the manifests …', 'control plane …', 'workloads …', 'ingress …'])(
    'leaves nothing when it is interrupted at: %s',
    async (moment) => {
      const started = work.start(['up', echo, ...flags]);
      await started.until(moment);
      started.child.kill('SIGINT');
      // Once it serves, being told to stop is no failure.
      expect([0, 1]).toContain((await started.ended).code);
      expect(processesNaming(work.directory)).toEqual([]);
      const again = await work.run(['up', echo, ...flags, '--detach']);
      expect(again.code, again.stderr).toBe(0);
    },
  );
});
