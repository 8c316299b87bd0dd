// The page of samples/policy: its commands are run as they stand there, and answer what their comments say.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command, type Mesh, repositoryFile, startMesh, xebec } from './support/mesh.ts';

const hasPython = spawnSync('python3', ['--version'], { timeout: 20_000 }).status === 0;
const shims = mkdtempSync(join(tmpdir(), 'xb-samples-'));

let mesh: Mesh;
beforeAll(async () => {
  writeFileSync(join(shims, 'xebec'), `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`, {
    mode: 0o755,
  });
  mesh = await startMesh({ paths: [repositoryFile('samples/bookinfo')] });
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  rmSync(shims, { recursive: true, force: true });
});

interface Line {
  readonly section: string;
  readonly command: string;
  /** Part of what it writes; undefined: that it succeeds is enough. */
  readonly answer: string | undefined;
}

function linesOf(page: string): readonly Line[] {
  return page.split(/^## /m).flatMap((part) => {
    const section = part.slice(0, part.indexOf('\n'));
    return [...part.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
      block
        .trimEnd()
        .split('\n')
        .map((line): Line => {
          const [written = '', answer] = line.split(/ {2,}# /);
          return { section, command: written.trim(), answer };
        }),
    );
  });
}

const lines = linesOf(readFileSync(repositoryFile('samples/policy/README.md'), 'utf8'));

/** Where the mesh of the test has what the page finds at its usual places. */
async function here(written: string): Promise<string> {
  const log = (await mesh.xebec(['logs', 'policy'])).stdout;
  const http = /listening http (\S+)/.exec(log)?.[1] ?? '127.0.0.1:9091';
  return written.replace('http://localhost:8080', mesh.ingress).replace('127.0.0.1:9091', http);
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function runInShell(written: string): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-c', written], {
      cwd: repositoryFile('.'),
      env: {
        ...process.env,
        NO_COLOR: '1',
        XEBEC_STATE: mesh.state,
        PATH: `${shims}:${process.env['PATH']}`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    child.once('close', (code) => resolve({ code, output }));
  });
}

async function expectAnswer({ command: written, answer }: Line): Promise<void> {
  if (answer === undefined) {
    expect(await runInShell(await here(written))).toMatchObject({ code: 0 });
    return;
  }
  await expect
    .poll(async () => (await runInShell(await here(written))).output, { timeout: 60_000, interval: 200 })
    .toContain(answer);
}

describe('samples of the policy service', () => {
  it('are valid', async () => {
    const paths = ['samples/bookinfo', 'samples/policy'].flatMap((path) => ['-f', repositoryFile(path)]);
    const { code, stderr } = await xebec(['validate', ...paths]);
    expect([code, stderr]).toEqual([0, expect.anything()]);
  });

  it.each([
    ['[MX-1] [MX-9]', 'Rules'],
    ['[MX-7] [BY-11]', 'Keys and quotas'],
    ['[MX-2]', 'Reports'],
    ['[MX-10]', 'A job that is no server'],
  ])(
    '%s the page’s section "%s" says what happens',
    async (_rows, section) => {
      const own = lines.filter((line) => line.section === section);
      expect(own.length).toBeGreaterThan(2);
      for (const line of own) if (hasPython || !line.command.startsWith('python3')) await expectAnswer(line);
    },
    180_000,
  );
});
