// Where a rule of the policy service is enforced: a line for each action at each workload.
import type { ShownRule } from '@xebec/control-plane';
import { fail, succeed } from '@xebec/std';
import { at, objectsOf, textOf } from '../admin/json.ts';
import { askMesh } from '../authz/asked-mesh.ts';
import type { Cli } from '../cli.ts';
import type { AskedMeshOptions } from '../commands/authz.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics, problem } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';

export async function explainPolicy(cli: Cli, rule: string, options: AskedMeshOptions): Promise<ExitCode> {
  const explained = await askMesh<ShownRule>(cli, options, {
    here: (checker) => checker.explain(rule),
    path: '/v1/policy/plan',
    body: { rule },
    read: (answer) => (isRule(answer) ? succeed(answer) : fail(odd)),
  });
  if (!explained.ok) {
    printDiagnostics(cli, explained.diagnostics);
    return exitCode.wrongUsage;
  }
  const { value } = explained;
  if (options.output === 'json') {
    await printStructured(cli, 'json', value);
    return exitCode.done;
  }
  cli.stdout.write(`${nameOf(value.rule)} (${value.origin})\n`);
  cli.stdout.write(formatTable(headings, value.workloads.flatMap(rowsOf)));
  return exitCode.done;
}

const words: Readonly<Record<ShownRule['workloads'][number]['actions'][number]['where'], string>> = {
  proxy: 'in the proxy',
  assignment: 'in the proxy (assignment)',
  call: 'by a call',
  report: 'by a report',
  nowhere: 'nowhere',
};

const headings = ['WORKLOAD', 'ACTION', 'WHERE', 'WHY'];

const odd = problem(
  'odd-answer',
  'the control plane did not answer the question',
  'is it of another version?',
);

const isRule = (value: unknown): value is ShownRule =>
  typeof at(value, 'rule') === 'string' &&
  objectsOf(at(value, 'workloads')).every((each) => Array.isArray(at(each, 'actions')));

const nameOf = (key: string): string => {
  const [, namespace = '', ...name] = key.split('/');
  return `${name.join('/')}.${namespace}`;
};

const rowsOf = ({ workload, isEnforced, actions }: ShownRule['workloads'][number]): string[][] =>
  actions.map(({ action, where, reason }) => [
    nameOf(textOf(workload)),
    action === null ? '' : String(action),
    isEnforced ? words[where] : 'no proxy',
    reason,
  ]);
