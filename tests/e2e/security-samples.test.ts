// The samples of identity and security do what their page says, on the Bookinfo sample.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchText } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until, xebec } from './support/mesh.ts';

const folder = 'samples/security';
const sample = (name: string): string => readFileSync(repositoryFile(`${folder}/${name}.yaml`), 'utf8');
const names = readdirSync(repositoryFile(folder))
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.replace('.yaml', ''));

let mesh: Mesh;
let provider: ChildProcess;
let issuer: string;

/** On a port of its own. */
function startProvider(): Promise<string> {
  provider = spawn(process.execPath, [repositoryFile(`${folder}/apps/provider.mjs`)], {
    env: { PATH: process.env['PATH'], PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    provider.once('exit', (code) => reject(new Error(`the provider ended with ${code}`)));
    provider.stdout?.on('data', (part: Buffer) => {
      const found = /listening on (\S+)/.exec(part.toString());
      if (found !== null) resolve(`http://${found[1]}`);
    });
  });
}

beforeAll(async () => {
  issuer = await startProvider();
  mesh = await startMesh({
    paths: [repositoryFile('samples/bookinfo'), repositoryFile(`${folder}/apps`)],
    flags: ['--jwks-refresh', '1s'],
  });
}, 240_000);
afterAll(async () => {
  provider?.kill('SIGTERM');
  await mesh?.stop();
});

async function apply(...samples: readonly string[]): Promise<void> {
  const yaml = samples.map(sample).join('---\n').replaceAll('http://127.0.0.1:9400', issuer);
  const { code, stderr } = await mesh.apply(yaml);
  expect([code, stderr]).toEqual([0, expect.anything()]);
}

const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  fetchText({ url: `${mesh.ingress}${path}`, headers });
const statusOf = async (...asked: Parameters<typeof get>): Promise<number> => (await get(...asked)).status;

describe('samples of identity and security', () => {
  it.each(names)('%s is valid', async (name) => {
    const { code, stderr } = await xebec(['validate', '-f', repositoryFile(`${folder}/${name}.yaml`)]);
    expect([code, stderr]).toEqual([0, expect.anything()]);
  });

  it('[AU-8] custom-authorization: the judge is asked, and nobody without a badge comes in', async () => {
    expect(await statusOf('/api/v1/products')).toBe(200);
    await apply('custom-authorization');
    await until('the judge is asked', async () => (await statusOf('/api/v1/products')) === 403);
    expect((await get('/api/v1/products')).headers['x-why']).toBe('no badge');
    expect(await statusOf('/api/v1/products', { 'x-badge': 'blue' })).toBe(200);
    expect(await statusOf('/productpage')).toBe(200);
  });

  it('[AU-7] [MX-13] dry-run and audit: nothing is refused, what would be is counted, and every call is on record', async () => {
    await apply('dry-run', 'audit');
    for (let call = 0; call < 3; call++) expect(await statusOf('/productpage')).toBe(200);
    await until('the calls are counted', async () =>
      (await mesh.xebec(['authz', 'dry-run'])).stdout.includes('reviews-for-productpage'),
    );
    await until('the calls are on record', async () => {
      const { stdout } = await mesh.xebec(['audit', 'query']);
      return stdout.includes('sa/bookinfo-productpage') && stdout.includes('reviews');
    });
    expect((await mesh.xebec(['audit', 'verify'])).code).toBe(0);
  }, 60_000);

  it('[AU-2] request-authentication: alice is believed because of her token, and nobody else comes in', async () => {
    await apply('request-authentication');
    const path = '/api/v1/products/0/ratings';
    const tokenOf = async (user: string) =>
      (await fetchText({ url: `${issuer}/token-of?user=${user}` })).body;
    const as = async (user: string): Promise<number> =>
      statusOf(path, { authorization: `Bearer ${await tokenOf(user)}`, 'x-badge': 'blue' });
    await until('alice comes in', async () => (await as('alice')) === 200, 20_000);
    expect(await as('bob')).toBe(403);
    expect(await statusOf(path, { 'x-badge': 'blue' })).toBe(403);
    expect(await statusOf(path, { authorization: 'Bearer x.y.z', 'x-badge': 'blue' })).toBe(401);
  }, 60_000);

  it('[AU-2] browser-login: pages lead to the provider, and what is open stays open', async () => {
    await apply('browser-login');
    await until('pages lead to the login', async () => (await statusOf('/productpage')) === 302, 20_000);
    const location = (await get('/productpage')).headers.location ?? '';
    expect(location.startsWith(`${issuer}/login?`)).toBe(true);
    expect((await fetchText({ url: location })).body).toContain('Who are you?');
    const back = await fetchText({ url: `${location}&user=alice` });
    expect([back.status, back.headers.location]).toEqual([302, expect.stringContaining('/oauth2/callback?')]);
    expect(await statusOf('/static/bookinfo.css')).toBe(200);
  }, 60_000);
});
