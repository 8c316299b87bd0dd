// What policy costs: checks, reports, and what rules add to a pair of sidecars, all with one mesh.
import type { CheckResult } from './measure-checks.ts';
import { measureChecks } from './measure-checks.ts';
import { measurePairs, type PairResult } from './measure-pairs.ts';
import { measureReports, type ReportResult } from './measure-reports.ts';
import { startPolicyMesh } from './policy-mesh.ts';
import { policyDocuments, policyNamespace, programNamespace } from './rules.ts';
import { startBenchApp, startSidecars, workloadsOf } from './sidecars.ts';
import { startSilentBackend } from './silent-backend.ts';

export interface PolicyRun {
  readonly program: string;
  readonly workDirectory: string;
  readonly isQuick: boolean;
  /** Absent: no real sidecars are measured. */
  readonly envoyPath?: string;
  /** Writes a CPU profile of the policy service here. */
  readonly profileDirectory?: string;
  readonly onProgress: (what: string) => void;
}

export interface PolicyResult {
  readonly checks: readonly CheckResult[];
  readonly reports: readonly ReportResult[];
  readonly pairs: readonly PairResult[];
}

interface Sizes {
  readonly checkSeconds: number;
  readonly reportSeconds: number;
  readonly rounds: number;
  readonly roundSeconds: number;
  readonly requestsPerSecond: number;
}

const full: Sizes = {
  ...{ checkSeconds: 2, reportSeconds: 3 },
  ...{ rounds: 8, roundSeconds: 1, requestsPerSecond: 1_000 },
};
const quick: Sizes = {
  ...{ checkSeconds: 0.5, reportSeconds: 1 },
  ...{ rounds: 2, roundSeconds: 0.5, requestsPerSecond: 200 },
};

/** The rates that the promises name. */
const checksPerSecond = 1_000;
const bagsPerSecond = 5_000;

export async function measurePolicy(run: PolicyRun): Promise<PolicyResult> {
  const { onProgress, envoyPath } = run;
  const { checkSeconds, reportSeconds, rounds, roundSeconds, requestsPerSecond } = run.isQuick ? quick : full;
  const closing: (() => unknown)[] = [];
  try {
    const app = await startBenchApp();
    closing.push(() => app.close());
    const backend = await startSilentBackend();
    closing.push(() => backend.close());
    onProgress('policy: a control plane and a policy service start');
    const documents = [...workloadsOf(app.port), ...policyDocuments(backend.address)];
    const mesh = await startPolicyMesh({ ...run, documents });
    closing.push(() => mesh.close());
    const { service, issue } = mesh;
    const checks = await measureChecks({
      ...{ service, seconds: checkSeconds, perSecond: checksPerSecond, onProgress },
      program: await issue(programNamespace, 'app'),
      proxy: await issue(policyNamespace, 'asked'),
    });
    const pairs: PairResult[] = [];
    if (envoyPath !== undefined) {
      const options = { envoyPath, workDirectory: run.workDirectory, mesh, appPort: app.port, closing };
      const sidecars = await startSidecars(options);
      const load = { rounds, seconds: roundSeconds, requestsPerSecond };
      pairs.push(...(await measurePairs({ sidecars, service, onProgress, ...load })));
    }
    const reports = await measureReports({
      ...{ service, seconds: reportSeconds, perSecond: bagsPerSecond, onProgress },
      issue: (account) => issue(account === 'app' ? programNamespace : policyNamespace, account),
    });
    return { checks, reports, pairs };
  } finally {
    for (const step of closing.reverse()) await step();
  }
}
