// What policy costs, small: counts are asserted, and ratios where they say something on any machine. `npm run bench -- policy` gives the numbers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureChecks } from '../../bench/policy/measure-checks.ts';
import { measurePairs } from '../../bench/policy/measure-pairs.ts';
import { measureReports } from '../../bench/policy/measure-reports.ts';
import { type PolicyMesh, startPolicyMesh } from '../../bench/policy/policy-mesh.ts';
import { policyDocuments, policyNamespace, programNamespace } from '../../bench/policy/rules.ts';
import { type BenchApp, startBenchApp, startSidecars, workloadsOf } from '../../bench/policy/sidecars.ts';
import { type SilentBackend, startSilentBackend } from '../../bench/policy/silent-backend.ts';
import { command } from './support/mesh.ts';

const workDirectory = mkdtempSync(join(tmpdir(), 'xb-'));
const onProgress = (): void => undefined;
let app: BenchApp;
let backend: SilentBackend;
let mesh: PolicyMesh;

beforeAll(async () => {
  app = await startBenchApp();
  backend = await startSilentBackend();
  const documents = [...workloadsOf(app.port), ...policyDocuments(backend.address)];
  mesh = await startPolicyMesh({ program: command, workDirectory, documents });
}, 180_000);

afterAll(async () => {
  await mesh?.close();
  backend?.close();
  app?.close();
  rmSync(workDirectory, { recursive: true, force: true });
});

/** What a Node process may grow by whatever it does: twice its young generation, and some buffers. */
const slackBytes = 128 * 1024 * 1024;

describe('[L08] checks', () => {
  it('ask nobody while a decision holds, and the service once where they are new', async () => {
    const results = await measureChecks({
      ...{ service: mesh.service, seconds: 0.5, perSecond: 200, onProgress },
      program: await mesh.issue(programNamespace, 'app'),
      proxy: await mesh.issue(policyNamespace, 'asked'),
    });
    const by = new Map(results.map((result) => [result.name, result]));
    const seen = [...by].map(([name, { calls, failures, served }]) => [name, calls, failures, served]);
    expect(seen).toEqual([
      ['client, cold', 100, 0, 100],
      ['client, 80 % warm', 100, 0, 20],
      ['client, warm', 100, 0, 0],
      ['gRPC, cold', 100, 0, 100],
      ['HTTP/JSON, cold', 100, 0, 100],
      ['ext_authz (proxies)', 100, 0, 100],
    ]);
    const [cold, warm] = [by.get('client, cold'), by.get('client, warm')];
    expect(warm?.coresPerThousand).toBeLessThan(cold?.coresPerThousand ?? 0);
    expect(warm?.p50Ms).toBeLessThan(cold?.p50Ms ?? 0);
  }, 120_000);
});

describe('[L09] reports', () => {
  it('are delivered once each, or counted as lost, and memory is bounded', async () => {
    const results = await measureReports({
      ...{ service: mesh.service, seconds: 1, perSecond: 5_000, onProgress },
      issue: (account) => mesh.issue(account === 'app' ? programNamespace : policyNamespace, account),
    });
    expect(results).toHaveLength(4);
    for (const { name, sent, taken, delivered, lost, rssBytes, mostRssBytes } of results) {
      expect([name, taken, delivered + lost]).toEqual([name, sent, sent]);
      expect([name, mostRssBytes < rssBytes + slackBytes]).toEqual([name, true]);
      expect([name, lost]).toEqual([name, name.includes('silent') ? sent : 0]);
    }
  }, 120_000);
});

describe('[L08] two real sidecars', () => {
  it('ask about what a proxy cannot decide, tell of what a rule reports, and neither otherwise', async () => {
    const closing: (() => unknown)[] = [];
    try {
      const envoyPath = process.env['ENVOY_PATH'] ?? 'envoy';
      const sidecars = await startSidecars({ envoyPath, workDirectory, mesh, appPort: app.port, closing });
      const load = { rounds: 2, seconds: 0.5, requestsPerSecond: 100 };
      const results = await measurePairs({ sidecars, service: mesh.service, onProgress, ...load });
      expect(
        results.map(({ variant, requests, failures, asked, reported }) => [
          variant,
          requests,
          failures,
          ...[asked, reported],
        ]),
      ).toEqual([
        ['plain', 100, 0, 0, 0],
        ['compiled', 100, 0, 0, 0],
        ['counted', 100, 0, 0, 0],
        ['asked', 100, 0, 100, 0],
        ['told', 100, 0, 0, 100],
      ]);
      // Machines differ, and a round is short: what costs as much as the rest of the proxy is a mistake.
      expect(results.find(({ variant }) => variant === 'compiled')?.ratio.median).toBeLessThan(2);
    } finally {
      for (const step of closing.reverse()) await step();
    }
  }, 180_000);
});
