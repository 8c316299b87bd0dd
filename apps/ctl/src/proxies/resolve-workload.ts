// Which Pod somebody means: its name, POD.NAMESPACE, its Deployment, or the beginning of one that only it has.
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { problem } from '../output/diagnostics.ts';

export interface NamedPod {
  readonly pod: string;
  readonly namespace: string;
  /** The Deployment; empty when unknown. */
  readonly workload: string;
}

/** The first Pod that fits best; several Deployments that fit equally are a question back. */
export function resolveWorkload<T extends NamedPod>(asked: string, pods: readonly T[]): Result<T> {
  const text = asked.replace(/^(pod|deployment|deploy)s?\//, '');
  const rules: readonly ((pod: T) => boolean)[] = [
    ({ pod, namespace }) => text === pod || text === `${pod}.${namespace}`,
    ({ workload, namespace }) =>
      workload !== '' && (text === workload || text === `${workload}.${namespace}`),
    ({ pod, workload }) => text !== '' && (pod.startsWith(text) || workload.startsWith(text)),
  ];
  for (const rule of rules) {
    const found = pods.filter(rule);
    const [first] = found;
    if (first === undefined) continue;
    const owners = new Set(found.map(ownerOf));
    return owners.size === 1 ? succeed(first) : fail(ambiguous(asked, [...owners].sort()));
  }
  return fail(unknown(asked, [...new Set(pods.map(ownerOf))].sort()));
}

const ownerOf = ({ workload, pod, namespace }: NamedPod): string => `${workload || pod}.${namespace}`;

const ambiguous = (asked: string, names: readonly string[]): Diagnostic =>
  problem('ambiguous-workload', `"${asked}" may be any of ${names.join(', ')}`, 'write more of the name');

const unknown = (asked: string, names: readonly string[]): Diagnostic =>
  problem(
    'unknown-workload',
    `there is no workload "${asked}"`,
    names.length === 0 ? 'none is running' : `there are: ${names.join(', ')}`,
  );
