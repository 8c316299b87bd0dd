// New behaviour for the same applications: not one of them is built, configured or started again.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationsOf, hashesOf } from './support/applications.ts';
import { fetchText, tally } from './support/http.ts';
import { type Mesh, repositoryFile, startMesh, until } from './support/mesh.ts';

let mesh: Mesh;
let applications: Readonly<Record<string, string>>;
let files: Readonly<Record<string, string>>;
beforeAll(async () => {
  files = hashesOf(repositoryFile('samples/bookinfo'));
  mesh = await startMesh();
  applications = applicationsOf(await mesh.pods());
  expect((await mesh.apply(routing('destination-rule-all'))).code).toBe(0);
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const routing = (name: string): string =>
  readFileSync(repositoryFile(`samples/bookinfo/routing/${name}.yaml`), 'utf8');
async function apply(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const applied = await mesh.apply(routing(name));
    expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
  }
}
const accessLog = async (prefix: string): Promise<readonly string[]> => {
  const { name } = await mesh.pod(prefix);
  return readFileSync(join(mesh.state, 'logs', name, 'access.log'), 'utf8').split('\n');
};
/** A call of productpage's sidecar, as a user. */
async function callOf(service: string, user?: string, marker = '') {
  const { ip } = await mesh.pod('productpage');
  return {
    url: `http://${service}:9080/${service}/0`,
    proxy: `${ip}:15001`,
    headers: { 'user-agent': marker, ...(user === undefined ? {} : { 'end-user': user }) },
  };
}
const versionOf = ({ body }: { readonly body: string }): string => /reviews-(v\d)/.exec(body)?.[1] ?? 'none';
const lineWith = (prefix: string, marker: string): Promise<string> =>
  until('the access log line', async () => (await accessLog(prefix)).find((line) => line.includes(marker)));

describe('[DG-6] the same applications', () => {
  it('[DP-14] one user gets another version, whenever he asks; the others do not', async () => {
    await apply('virtual-service-all-v1', 'virtual-service-reviews-test-v2');
    expect(await tally(await callOf('reviews', 'jason'), 40, versionOf)).toEqual({ v2: 40 });
    expect(await tally(await callOf('reviews', 'anna'), 40, versionOf)).toEqual({ v1: 40 });
    expect(await tally(await callOf('reviews'), 40, versionOf)).toEqual({ v1: 40 });
    const page = await fetchText({
      url: `${mesh.ingress}/productpage`,
      headers: { cookie: 'user=jason' },
    });
    expect(page.body).toContain('reviews-v2');
  });

  it('[DP-18] a request that is made to fail: for one user only, told in the access log', async () => {
    await apply('virtual-service-ratings-test-abort');
    expect(await tally(await callOf('ratings', 'jason'), 20, ({ status }) => String(status))).toEqual({
      500: 20,
    });
    expect(await tally(await callOf('ratings', 'anna'), 20, ({ status }) => String(status))).toEqual({
      200: 20,
    });
    await fetchText(await callOf('ratings', 'jason', 'made-to-fail'));
    expect(await lineWith('ratings', 'made-to-fail')).toMatch(/ 500 FI /);
    expect(await lineWith('productpage', 'made-to-fail')).toMatch(/ 500 - via_upstream /);
  });

  it('[DP-18] a request that is made to wait: seven seconds for one user, none for the others', async () => {
    await apply('virtual-service-ratings-test-delay');
    const timed = async (user: string, marker: string): Promise<number> => {
      const start = performance.now();
      expect((await fetchText(await callOf('ratings', user, marker))).status).toBe(200);
      return performance.now() - start;
    };
    const [jason, anna] = await Promise.all([timed('jason', 'made-to-wait'), timed('anna', 'not-made')]);
    expect(jason).toBeGreaterThanOrEqual(6_950);
    expect(jason).toBeLessThan(9_000);
    expect(anna).toBeLessThan(3_000);
    expect(await lineWith('ratings', 'made-to-wait')).toMatch(/ 200 DI /);
  });

  it('a copy of every request for another version, whose answers nobody sees', async () => {
    const mirrored = routing('virtual-service-all-v1').replace(
      /( +)- destination:\n +host: reviews\n +subset: v1\n/,
      (route, indent: string) =>
        `${route}${indent.slice(2)}mirror: {host: reviews, subset: v3}\n${indent.slice(2)}mirrorPercentage: {value: 100}\n`,
    );
    expect(mirrored).toContain('mirror:');
    const applied = await mesh.apply(mirrored);
    expect([applied.code, applied.stderr]).toEqual([0, expect.anything()]);
    const marker = `copied-${process.pid}`;
    expect(await tally(await callOf('reviews', undefined, marker), 20, versionOf)).toEqual({ v1: 20 });
    await until('twenty copies', async () => {
      const copies = (await accessLog('reviews-v3')).filter((line) => line.includes(marker));
      return copies.filter((line) => line.includes('inbound|9080||')).length === 20;
    });
  });

  it('[AU-5] mutual TLS demanded, and not', async () => {
    await apply('peer-authentication-strict');
    const { ip } = await mesh.pod('details');
    await expect(fetchText({ url: `http://${ip}:9080/details/0` })).rejects.toThrow();
    expect((await fetchText(await callOf('details'))).status).toBe(200);
    const deleted = await mesh.xebec([
      'delete',
      '-f',
      repositoryFile('samples/bookinfo/routing/peer-authentication-strict.yaml'),
      '--wait',
    ]);
    expect(deleted.code, deleted.stderr).toBe(0);
    expect((await fetchText({ url: `http://${ip}:9080/details/0` })).status).toBe(200);
  });

  it('are the same processes, made of the same files', async () => {
    const pods = await mesh.pods();
    expect(Object.keys(applications)).toHaveLength(6);
    expect(applicationsOf(pods)).toEqual(applications);
    expect(hashesOf(repositoryFile('samples/bookinfo'))).toEqual(files);
  });
});
