// Extensions under transparent capture: proxies of another user read their modules, and ports are those of listeners.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationsOf } from './support/applications.ts';
import { runInside } from './support/inside.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { transparentCaptureReason } from './support/privilege.ts';
import { assembleFilter } from './support/wasm.ts';

const reason = await transparentCaptureReason();
const title = `[DP-23] extensions of redirected traffic${reason === undefined ? '' : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, () => {
  let mesh: Mesh;
  let pid: number;
  const directory = mkdtempSync(join(tmpdir(), 'xb-modules-'));
  const file = join(directory, 'filter.wasm');
  beforeAll(async () => {
    writeFileSync(file, (await assembleFilter()).bytes);
    mesh = await startMesh({ capture: 'transparent', paths: [repositoryFile('tests/e2e/apps/echo')] });
    pid = Number.parseInt(applicationsOf(await mesh.pods())[(await mesh.pod('client')).name] ?? '', 10);
  }, 240_000);
  afterAll(async () => {
    await mesh?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const marks = async (url: string): Promise<unknown> =>
    JSON.parse(
      await runInside(
        pid,
        `const answer = await fetch('${url}'); console.log(JSON.stringify(answer.headers.get('x-wasm')));`,
      ),
    );
  const plugin = (name: string, app: string, [mode, port]: readonly [string, number]): string =>
    `apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: ${name}}\nspec: {selector: {matchLabels: {app: ${app}}}, match: [{mode: ${mode}, ports: [{number: ${port}}]}], url: "file://${file}", pluginConfig: {at: ${name}}}\n---\n`;

  it('stand at the service’s port on the way out, at the workload’s on the way in', async () => {
    const both = plugin('leaving', 'client', ['CLIENT', 80]) + plugin('entering', 'echo', ['SERVER', 8081]);
    const run = await mesh.apply(both);
    expect(`${run.code} ${run.stderr}`).toMatch(/^0 /);
    await until('the one outbound', async () => (await marks('http://echo/')) === '{"at":"leaving"}');
    await until('the one inbound', async () => (await marks('http://echo:8082/')) === '{"at":"entering"}');
  });
});
