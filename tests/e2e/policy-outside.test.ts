// Templates and attributes of one's own, with adapters outside in Python, while real proxies ask: nothing restarts, and what becomes of an adapter is felt by its rules only.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';
import { policyObject as object } from './support/policy-asking.ts';

let mesh: Mesh;
let proxy: string;
let echo: string;
const adapters = new Set<ChildProcess>();
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  proxy = `${(await mesh.pod('client')).ip}:15001`;
  echo = (await mesh.pod('echo-v1')).ip;
}, 240_000);
afterAll(async () => {
  for (const adapter of adapters) adapter.kill('SIGKILL');
  await mesh?.stop();
});

async function apply(...objects: readonly object[]): Promise<void> {
  const { code, stderr } = await mesh.apply(objects.map((each) => JSON.stringify(each)).join('\n---\n'));
  expect([code, stderr]).toEqual([0, expect.anything()]);
}

/** The sample as it stands; it needs nothing but Python. */
async function startAdapter(
  address: string,
): Promise<{ readonly child: ChildProcess; readonly address: string }> {
  const file = repositoryFile('samples/policy-adapters/python/lookup.py');
  const child = spawn('python3', ['-B', file, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  adapters.add(child);
  const found = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const at = /^listening (\S+)$/m.exec(text)?.[1];
      if (at !== undefined) resolve(at);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the adapter ended with ${code}`)));
    setTimeout(() => reject(new Error('the adapter does not listen')), 60_000).unref();
  });
  return { child, address: found };
}

const call = async (path: string, user: string, headers: Readonly<Record<string, string>> = {}) => {
  const { status, body } = await fetchText({
    url: `http://echo${path}`,
    proxy,
    headers: { 'end-user': user, ...headers },
  });
  return { status, body };
};
const statusOf = async (path: string, user: string): Promise<number> => (await call(path, user)).status;

/** Which process it is, since when, and of what. */
interface Running {
  readonly pid: number;
  readonly since: string;
  readonly program: string;
}

function running(pid: number): Running {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const since = stat.slice(stat.lastIndexOf(')')).split(' ')[20] ?? '';
  const digest = createHash('sha256').update(readFileSync(`/proc/${pid}/exe`));
  const script = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1] ?? '';
  if (script.endsWith('echo.mjs'))
    digest.update(readFileSync(repositoryFile('tests/e2e/apps/echo/echo.mjs')));
  return { pid, since, program: digest.digest('hex') };
}

const policyService = (): Running =>
  running(Number(JSON.parse(readFileSync(join(mesh.state, 'run', 'policy.pid'), 'utf8')).pid));

/** The application behind the sidecar: found by its address. */
function application(): Running {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const isEcho = readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('echo.mjs');
      if (isEcho && readFileSync(`/proc/${name}/environ`, 'utf8').includes(echo))
        return running(Number(name));
    } catch {
      // It ended meanwhile, or is another's.
    }
  }
  throw new Error('the application is not found');
}

const isEcho = 'destination.labels["app"] == "echo"';
const user = 'request.headers["end-user"] | ""';
const rule = (name: string, path: string, spec: object): object =>
  object('rule', name, { match: `${isEcho} && request.path == "${path}"`, ...spec });

const connection = (address: string) => ({ address, timeout: '900ms' });
const table = { jason: 'red', ann: 'blue' };

/** A template of one's own whose adapter produces an attribute of one's own. */
const teams = (address: string): readonly object[] => [
  object('attributemanifest', 'teams', { attributes: { 'user.team': { valueType: 'STRING' } } }),
  object('template', 'team', {
    variety: 'ATTRIBUTE_GENERATOR',
    fields: { user: 'STRING' },
    output: { team: 'STRING' },
  }),
  object('adapter', 'people', { templates: ['team', 'lookup'] }),
  object('handler', 'people', { adapter: 'people', connection: connection(address), params: { table } }),
  object('instance', 'team', {
    template: 'team',
    params: { user },
    attributeBindings: { 'user.team': '$out.team | "nobody\'s"' },
  }),
  object('rule', 'team', { match: isEcho, actions: [{ handler: 'people', instances: ['team'] }] }),
  object('handler', 'red-only', {
    compiledAdapter: 'denier',
    params: { status: { code: 7, message: 'red only' }, validDuration: '0s', validUseCount: 1 },
  }),
  object('instance', 'nothing', { compiledTemplate: 'checknothing' }),
];

describe("[MX-4] [MX-5] [MX-9] an attribute of one's own, produced by an adapter outside in Python", () => {
  let before: readonly Running[];
  let adapter: { readonly child: ChildProcess; readonly address: string };

  it('decides, with no restart of anything', async () => {
    await apply(
      object('handler', 'steady', {
        compiledAdapter: 'list',
        params: { overrides: ['jason'], cachingInterval: '0s' },
      }),
      object('instance', 'caller', { compiledTemplate: 'listentry', params: { value: user } }),
      rule('steady', '/steady', {
        match: `${isEcho} && request.path == "/steady" && source.workload.name != ""`,
        actions: [{ handler: 'steady', instances: ['caller'] }],
      }),
    );
    const isListed = async () => (await call('/steady', 'eve')).body.includes('not whitelisted');
    await until('the list decides', isListed, 60_000);
    expect(await call('/steady', 'jason')).toMatchObject({ status: 200 });
    before = [policyService(), application()];
    expect(await statusOf('/red', 'ann')).toBe(200);

    const unknown = await mesh.apply(
      JSON.stringify(
        rule('red', '/red', {
          match: 'user.team == "red"',
          actions: [{ handler: 'steady', instances: ['caller'] }],
        }),
      ),
    );
    expect(unknown.stderr).toContain('user.team');

    adapter = await startAdapter('127.0.0.1:0');
    await apply(
      ...teams(adapter.address),
      object('template', 'lookup', {
        variety: 'CHECK_WITH_OUTPUT',
        fields: { key: 'STRING' },
        output: { value: 'STRING' },
      }),
      rule('red', '/red', {
        match: `${isEcho} && request.path == "/red" && user.team != "red"`,
        actions: [{ handler: 'red-only', instances: ['nothing'] }],
      }),
    );
    await until('blue is refused', async () => (await statusOf('/red', 'ann')) === 403, 60_000);
    expect((await call('/red', 'ann')).body).toContain('red only');
    expect(await statusOf('/red', 'jason')).toBe(200);
    expect(await statusOf('/red', 'eve')).toBe(403);
    expect(await statusOf('/steady', 'jason')).toBe(200);

    await apply(
      object('handler', 'people', {
        adapter: 'people',
        connection: connection(adapter.address),
        params: { table: { ann: 'red' } },
      }),
    );
    await until('ann is red now', async () => (await statusOf('/red', 'ann')) === 200);
    expect(await statusOf('/red', 'jason')).toBe(403);
    expect([policyService(), application()]).toEqual(before);
  }, 150_000);

  it('gives back what a key leads to, for headers of the request', async () => {
    await apply(
      object('instance', 'key', { template: 'lookup', params: { key: user } }),
      rule('lookup', '/lookup', {
        actions: [{ name: 'found', handler: 'people', instances: ['key'] }],
        requestHeaderOperations: [{ name: 'x-team', values: ['found.output.value'] }],
      }),
    );
    const refused = await until('strangers are refused', async () => {
      const answer = await call('/lookup', 'eve');
      return answer.status !== 200 && answer;
    });
    expect(refused).toMatchObject({ status: 404, body: expect.stringContaining('Python knows no eve') });
    const { status, body } = await call('/lookup', 'ann');
    expect([status, JSON.parse(body).headers['x-team']]).toEqual([200, 'red']);
  }, 90_000);

  it('is felt by its rules only when its adapter is gone or hangs, and comes back with it', async () => {
    const rounds = 60;
    const quiet = await times(rounds);
    adapter.child.kill('SIGSTOP');
    // The first calls wait for their time, after them the circuit is open and nobody waits.
    for (let index = 0; index < 6; index += 1) expect(await statusOf('/lookup', 'ann')).toBe(503);
    const waits: number[] = [];
    for (let index = 0; index < 5; index += 1) {
      const startedAt = performance.now();
      expect(await statusOf('/lookup', 'ann')).toBe(503);
      waits.push(performance.now() - startedAt);
    }
    expect(Math.min(...waits)).toBeLessThan(850);
    let isOver = false;
    const asking = (async () => {
      while (!isOver) expect(await statusOf('/lookup', 'ann')).toBe(503);
    })();
    const hanging = await times(rounds);
    isOver = true;
    await asking;
    adapter.child.kill('SIGCONT');
    await until('it decides again', async () => (await statusOf('/lookup', 'ann')) === 200);

    adapter.child.kill('SIGKILL');
    await until('its rules fail', async () => (await statusOf('/lookup', 'ann')) === 503);
    // What it would have produced is not taken for absent.
    expect(await statusOf('/red', 'ann')).toBe(403);
    const crashed = await times(rounds);
    await startAdapter(adapter.address);
    await until('it is back', async () => (await statusOf('/lookup', 'ann')) === 200);
    await until('as is its attribute', async () => (await statusOf('/red', 'ann')) === 200);
    expect([policyService(), application()]).toEqual(before);
    const slowest = slowestBut(quiet) * 3 + 100;
    expect(slowestBut(hanging)).toBeLessThan(slowest);
    expect(slowestBut(crashed)).toBeLessThan(slowest);
  }, 150_000);
});

/** Milliseconds of calls that other rules decide; all are decided as ever. */
async function times(count: number): Promise<readonly number[]> {
  const found: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedAt = performance.now();
    expect(await statusOf('/steady', index % 2 === 0 ? 'jason' : 'eve')).toBe(index % 2 === 0 ? 200 : 403);
    found.push(performance.now() - startedAt);
  }
  return found;
}

/** All but the two slowest: a machine that others use, too, stumbles. */
const slowestBut = (found: readonly number[]): number => found.toSorted((a, b) => a - b).at(-3) ?? 0;
