// Findings of a mesh that runs: what analyze says is what requests meet, with file and line; `get` says the same.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, listAt, repositoryFile, textAt, xebec } from './support/mesh.ts';
import { type Shop, startShop } from './support/shop.ts';

let shop: Shop;
let directory: string;
beforeAll(async () => {
  shop = await startShop();
  directory = mkdtempSync(join(tmpdir(), 'xb-analyze-'));
}, 240_000);
afterAll(async () => {
  await shop?.stop();
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
});

interface Shown {
  readonly code: number;
  readonly findings: readonly unknown[];
}

async function analyze(...parameters: readonly string[]): Promise<Shown> {
  const { code, stdout, stderr } = await shop.xebec(['analyze', '-o', 'json', ...parameters]);
  expect(stderr).toBe('');
  const findings: unknown = JSON.parse(stdout);
  return { code, findings: Array.isArray(findings) ? findings : [] };
}

const short = (finding: unknown): string =>
  [
    textAt(finding, 'severity'),
    textAt(finding, 'code'),
    `${textAt(finding, 'kind')}/${textAt(finding, 'name')}`,
    textAt(finding, 'origin')?.replace(/^.*\//, ''),
  ].join(' ');

const rules = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: shop
spec:
  hosts: [shop]
  http:
    - match: [{ uri: { prefix: /old } }]
      route:
        - destination: { host: shop, port: { number: 80 }, subset: v0 }
    - match: [{ uri: { prefix: /new } }]
      route:
        - destination: { host: shop, port: { number: 80 }, subset: v2 }
    - match: [{ uri: { prefix: /new/er } }]
      route:
        - destination: { host: shop, port: { number: 80 }, subset: v1 }
    - route:
        - destination: { host: shop, port: { number: 80 }, subset: v1 }
`;

describe('[MG-2] analyze', () => {
  it('tells of the mesh that runs, and of nothing else', async () => {
    const { code, findings } = await analyze('--severity', 'warning');
    // The application of these tests has a subset that nobody is in.
    expect(findings.map(short)).toEqual(['error IST0173 DestinationRule/shop shop.yaml:30']);
    expect(code).toBe(1);
    expect(Object.keys(Object(findings[0])).slice(0, 6)).toEqual([
      'code',
      'severity',
      'kind',
      'namespace',
      'name',
      'message',
    ]);
  });

  it('says what requests meet, and where it was written', async () => {
    const file = join(directory, 'rules.yaml');
    writeFileSync(file, rules);
    const applied = await shop.xebec(['apply', '-f', file, '--wait=30s']);
    expect(applied.code).toBe(0);
    expect(applied.stderr).toContain('destination-subset-unknown');
    const { findings } = await analyze();
    expect(findings.filter((each) => textAt(each, 'kind') === 'VirtualService').map(short)).toEqual([
      'error IST0101 VirtualService/shop rules.yaml:10',
      'warning IST0130 VirtualService/shop rules.yaml:14',
    ]);
    const answers = [await shop.call('/old'), await shop.call('/new/er'), await shop.call('/')];
    expect(answers.map(({ status }) => status)).toEqual([503, 200, 200]);
    expect(textAt(JSON.parse(answers[1]?.body ?? '{}'), 'version')).toBe('v2');
  });

  it('is what `get` shows beside each object', async () => {
    const { stdout } = await shop.xebec(['get', 'vs', 'shop']);
    expect(stdout.split('\n')[0]).toMatch(/^NAME +GATEWAYS +HOSTS +STATUS +PROXIES +FINDINGS +AGE$/);
    // The client has asked for the host; its proxy and no other has the routes.
    expect(stdout.split('\n')[1]).toMatch(/^shop +- +shop +accepted +1\/1 +IST0101,IST0130 /);
    const object: unknown = JSON.parse((await shop.xebec(['get', 'vs', 'shop', '-o', 'json'])).stdout);
    const status = at(object, 'status', 'xebec');
    expect(listAt(status, 'findings').map((each) => textAt(each, 'reason'))).toEqual([
      'destination-subset-unknown',
      'rule-shadowed',
    ]);
    expect(at(status, 'proxies')).toEqual({ targeted: 1, programmed: 1, refused: 0 });
  });

  it('is told by namespace and gravity; the exit code says whether something is wrong', async () => {
    const other = await analyze('-n', 'other');
    expect(other).toEqual({ code: 0, findings: [] });
    const errors = await analyze('--severity', 'error');
    expect(new Set(errors.findings.map((each) => textAt(each, 'severity')))).toEqual(new Set(['error']));
    const hidden = await shop.xebec(['analyze', '-n', 'default']);
    expect([hidden.code, hidden.stdout]).toEqual([1, expect.stringContaining('2 errors, 1 warning')]);
    expect((await shop.xebec(['analyze', '--severity', 'grave'])).code).toBe(2);
  });

  it('ends with what was mended', async () => {
    expect((await shop.xebec(['delete', 'vs', 'shop', '--wait=30s'])).code).toBe(0);
    const { findings } = await analyze('--severity', 'warning');
    expect(findings.map((each) => textAt(each, 'kind'))).toEqual(['DestinationRule']);
  });

  it('of files alone needs no mesh', async () => {
    const nowhere = { environment: { XEBEC_STATE: join(directory, 'nowhere') } };
    const shopFiles = repositoryFile('tests/e2e/apps/shop');
    const offline = await xebec(['analyze', '-f', shopFiles, '--severity', 'warning', '-o', 'json'], nowhere);
    expect(JSON.parse(offline.stdout).map(short)).toEqual([
      'error IST0173 DestinationRule/shop shop.yaml:30',
    ]);
    const live = await xebec(['analyze'], nowhere);
    expect([live.code, live.stderr]).toEqual([1, expect.stringContaining('no mesh is running')]);
  });
});
