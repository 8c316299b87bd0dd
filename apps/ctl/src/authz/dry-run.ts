// What policies that are only tried would have decided so far, from the counters of the proxies that they hold at.
import { fail, type Result, succeed } from '@xebec/std';
import { at, numberOf, objectsOf, textOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import type { AuthzDryRunOptions } from '../commands/authz.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';
import { askEnvoy } from '../proxies/envoy-admin.ts';
import { runningPods } from '../proxies/find-pod.ts';
import { type NamedPod, resolveWorkload } from '../proxies/resolve-workload.ts';
import { stateDirectory } from '../state/state-directory.ts';

/** Calls that would have been decided so, by one rule or by none. */
export interface TriedDecision {
  readonly workload: string;
  readonly action: 'ALLOW' | 'DENY';
  readonly would: 'allow' | 'deny';
  /** `NAME.NAMESPACE`; null where no rule matches, and for connections, which are not counted by rule. */
  readonly policy: string | null;
  readonly rule: number | null;
  readonly over: 'http' | 'tcp';
  readonly calls: number;
}

export async function authzDryRun(cli: Cli, options: AuthzDryRunOptions): Promise<ExitCode> {
  const state = stateDirectory(cli, options.state);
  const pods = await podsOf(state, options.workload);
  if (!pods.ok) return refuse(cli, ...pods.diagnostics);
  const items: TriedDecision[] = [];
  for (const pod of pods.value) {
    const read = await askEnvoy(state, pod.pod, statsPath);
    // A proxy that is on its way out has nothing to say; the one that was asked for has to.
    if (!read.ok && options.workload !== undefined) return refuse(cli, ...read.diagnostics);
    if (read.ok) items.push(...triedDecisions(`${pod.pod}.${pod.namespace}`, read.value));
  }
  if (options.output === 'json') await printStructured(cli, 'json', { items });
  else cli.stdout.write(formatTable(headings, items.map(rowOf)));
  return exitCode.done;
}

const statsPath = `/stats?format=json&filter=${encodeURIComponent('rbac\\.istio_dry_run_')}`;

async function podsOf(state: string, workload: string | undefined): Promise<Result<readonly NamedPod[]>> {
  const running = await runningPods(state);
  if (!running.ok || workload === undefined) return running;
  const first = resolveWorkload(workload, running.value);
  if (!first.ok) return fail(...first.diagnostics);
  const { workload: owner, namespace, pod } = first.value;
  return succeed(
    running.value.filter(
      (each) => each.pod === pod || (owner !== '' && each.workload === owner && each.namespace === namespace),
    ),
  );
}

const counter =
  /^(http|tcp)\.(?:.*\.)?rbac\.istio_dry_run_(allow|deny)_\.(?:policy\.ns\[(.*)\]-policy\[(.*)\]-rule\[(\d+)\]\.)?shadow_(allowed|denied)$/;

/** Of one proxy; several listeners count together. */
export function triedDecisions(workload: string, stats: unknown): readonly TriedDecision[] {
  const sums = new Map<string, TriedDecision>();
  for (const stat of objectsOf(at(stats, 'stats'))) {
    const one = decisionOf(workload, textOf(stat['name']), numberOf(stat['value']) ?? 0);
    if (one === undefined) continue;
    const key = JSON.stringify({ ...one, calls: 0 });
    sums.set(key, { ...one, calls: one.calls + (sums.get(key)?.calls ?? 0) });
  }
  return withoutRules([...sums.values()]).sort((left, right) => (orderOf(left) < orderOf(right) ? -1 : 1));
}

function decisionOf(workload: string, name: string, calls: number): TriedDecision | undefined {
  const [, over, action, namespace, policy, rule, result] = counter.exec(name) ?? [];
  if (calls === 0 || over === undefined || action === undefined) return undefined;
  return {
    workload,
    action: action === 'allow' ? 'ALLOW' : 'DENY',
    would: result === 'allowed' ? 'allow' : 'deny',
    policy: policy === undefined ? null : `${policy}.${namespace ?? ''}`,
    rule: rule === undefined ? null : Number(rule),
    over: over === 'http' ? 'http' : 'tcp',
    calls,
  };
}

/** The totals hold what rules have counted already: what is left is by no rule. */
function withoutRules(all: readonly TriedDecision[]): TriedDecision[] {
  const isLike = (one: TriedDecision, other: TriedDecision): boolean =>
    one.action === other.action && one.would === other.would && one.over === other.over;
  return all.flatMap((one) => {
    if (one.rule !== null) return [one];
    const counted = all.filter((other) => other.rule !== null && isLike(one, other));
    const calls = one.calls - counted.reduce((sum, other) => sum + other.calls, 0);
    return calls > 0 ? [{ ...one, calls }] : [];
  });
}

const orderOf = ({ action, policy, rule, over }: TriedDecision): string =>
  `${action} ${policy ?? '~'} ${String(rule ?? 9_999).padStart(4, '0')} ${over}`;

const headings = ['WORKLOAD', 'ACTION', 'POLICY', 'RULE', 'WOULD', 'PROTOCOL', 'CALLS'];

const rowOf = ({ workload, action, policy, rule, would, over, calls }: TriedDecision): readonly string[] => [
  workload,
  action,
  policy ?? '-',
  rule === null ? '-' : String(rule),
  would,
  over,
  String(calls),
];
