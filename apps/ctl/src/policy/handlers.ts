// What handlers of the running policy service did, and what is wrong with them.
import { at, objectsOf, textOf } from '../admin/json.ts';
import { askService } from '../admin/policy-service.ts';
import type { Cli } from '../cli.ts';
import type { PolicyInspectOptions } from '../commands/policy-inspect.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { inOneLine } from '../output/printable.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';
import { nameOf } from './rules.ts';

const headings = ['HANDLER', 'ADAPTER', 'CALLS', 'ERRORS', 'MEAN', 'DELIVERED', 'WAITING', 'LOST', 'STATE'];

export async function showHandlers(cli: Cli, { state, output }: PolicyInspectOptions): Promise<ExitCode> {
  const answer = await askService(cli, { path: '/handlers', ...(state === undefined ? {} : { state }) });
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  const handlers = objectsOf(at(answer.value, 'handlers'));
  if (output === 'json') await printStructured(cli, 'json', handlers);
  else if (handlers.length === 0) cli.stdout.write('The policy service has no handlers.\n');
  else cli.stdout.write(formatTable(headings, handlers.map(rowOf)));
  return exitCode.done;
}

const rowOf = (handler: object): string[] => {
  const calls = Number(at(handler, 'calls'));
  const count = (name: string): string => String(at(handler, name));
  return [
    nameOf(at(handler, 'name')),
    textOf(at(handler, 'adapter')),
    `${calls}`,
    count('errors'),
    calls === 0 ? '-' : `${(Number(at(handler, 'latencySumMs')) / calls).toFixed(1)}ms`,
    ...['delivered', 'queued', 'lost'].map(count),
    stateOf(handler),
  ];
};

function stateOf(handler: object): string {
  const problem = textOf(at(handler, 'problem'));
  if (problem !== '') return inOneLine(problem);
  return at(handler, 'isOpen') === true ? 'left alone: it failed too often' : 'well';
}
