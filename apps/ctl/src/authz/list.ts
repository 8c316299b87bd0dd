// Which policies hold at a service or a workload, and where they were written.
import type { ShownPolicies } from '@xebec/control-plane';
import { succeed } from '@xebec/std';
import { at, objectsOf, textOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import type { AuthzListOptions } from '../commands/authz.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printDiagnostics } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';
import { askMesh } from './asked-mesh.ts';

export async function authzList(cli: Cli, options: AuthzListOptions): Promise<ExitCode> {
  const { to } = options;
  const held = await askMesh<readonly object[]>(cli, options, {
    here: (checker) => checker.list(to),
    path: '/v1/authorization/policies',
    body: { to },
    read: (answer) => succeed(objectsOf(at(answer, 'items'))),
  });
  if (!held.ok) {
    printDiagnostics(cli, held.diagnostics);
    return exitCode.wrongUsage;
  }
  if (options.output === 'json') await printStructured(cli, 'json', { items: held.value });
  else cli.stdout.write(formatTable(headings, held.value.flatMap(rowsOf)));
  return exitCode.done;
}

const headings = ['WORKLOAD', 'MTLS', 'ACTION', 'POLICY', 'RULES', 'WRITTEN'];

/** `Pod/default/reviews-v1-0` is `reviews-v1-0.default`. */
const nameOf = (key: string): string => {
  const [, namespace = '', ...name] = key.split('/');
  return `${name.join('/')}.${namespace}`;
};

function rowsOf(value: object): readonly (readonly string[])[] {
  const held: Partial<ShownPolicies> = value;
  const { workload = '', isEnforced = false, mutualTls = '' } = held;
  const head = [nameOf(workload), isEnforced ? mutualTls : 'no proxy'];
  const policies = objectsOf(held.policies);
  if (policies.length === 0) return [[...head, '', '', '', '']];
  return policies.map((policy) => [
    ...head,
    `${textOf(policy['action'])}${policy['isDryRun'] === true ? ' (dry run)' : ''}`,
    nameOf(textOf(policy['policy'])),
    String(policy['rules'] ?? ''),
    textOf(policy['origin']),
  ]);
}
