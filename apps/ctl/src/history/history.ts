// The revisions of a mesh: when, who, what; with the changed lines when asked.
import { type ControlPlane, controlPlaneOf } from '../admin/control-plane.ts';
import { at, type JsonObject, numberOf, objectOf, objectsOf, textOf } from '../admin/json.ts';
import { shownKey } from '../apply/changes.ts';
import { paintDiff } from '../apply/dry-run-diff.ts';
import type { Cli } from '../cli.ts';
import type { HistoryOptions } from '../commands/history.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { paletteFor } from '../output/colour.ts';
import { refuse } from '../output/diagnostics.ts';
import { printable } from '../output/printable.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable, plural } from '../output/table.ts';
import { stateDirectory } from '../state/state-directory.ts';

export interface HistoryRequest extends HistoryOptions {
  readonly revision?: number;
}

export async function history(cli: Cli, request: HistoryRequest): Promise<ExitCode> {
  const controlPlane = controlPlaneOf(stateDirectory(cli, request.state));
  if (request.revision !== undefined)
    return await showOne(cli, controlPlane, { ...request, revision: request.revision });
  const answer = await controlPlane.get(`/v1/history?limit=${request.limit}`);
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  const items = objectsOf(at(answer.value, 'items'));
  if (request.output !== 'table') await printStructured(cli, request.output, { items });
  else if (request.diff === true) return await showDiffs(cli, controlPlane, items);
  else if (items.length === 0) cli.stderr.write('no revision yet\n');
  else
    cli.stdout.write(
      formatTable(
        ['REVISION', 'TIME', 'AUTHOR', 'SOURCE', 'CHANGES', 'MESSAGE'],
        items.map((item) => rowOf(item, cli.cwd)),
      ),
    );
  return exitCode.done;
}

const rowOf = (item: JsonObject, cwd: string): readonly string[] => [
  String(numberOf(item['number']) ?? ''),
  textOf(item['time']).replace(/\.\d+Z$/, 'Z'),
  textOf(item['author']),
  textOf(item['owner']).replace(`${cwd}/`, ''),
  summaryOf(item),
  textOf(item['message']).replaceAll(`${cwd}/`, ''),
];

const mostNamed = 3;

/** The objects by name when there are few, their number otherwise. */
function summaryOf(item: JsonObject): string {
  const changes = objectsOf(item['changes']);
  const verbs = [...new Set(changes.map((change) => textOf(change['change'])))];
  return verbs
    .map((verb) => {
      const keys = changes
        .filter((change) => change['change'] === verb)
        .map((change) => textOf(change['key']));
      return `${verb} ${keys.length > mostNamed ? plural(keys.length, 'object') : keys.map(shownKey).join(', ')}`;
    })
    .join('; ');
}

async function showDiffs(
  cli: Cli,
  controlPlane: ControlPlane,
  items: readonly JsonObject[],
): Promise<ExitCode> {
  for (const item of items) {
    const revision = numberOf(item['number']) ?? 0;
    const code = await showOne(cli, controlPlane, { revision, output: 'table' });
    if (code !== exitCode.done) return code;
  }
  return exitCode.done;
}

async function showOne(
  cli: Cli,
  controlPlane: ControlPlane,
  { revision, output }: { readonly revision: number; readonly output: HistoryOptions['output'] },
): Promise<ExitCode> {
  const answer = await controlPlane.get(`/v1/history/${revision}`);
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  if (output !== 'table') {
    await printStructured(cli, output, answer.value);
    return exitCode.done;
  }
  const palette = paletteFor(cli, cli.stdout);
  const [number, time, author, owner] = rowOf(objectOf(answer.value), cli.cwd);
  const message = textOf(at(answer.value, 'message'));
  const head = `revision ${number} · ${time} · ${author} · ${owner}${message === '' ? '' : ` · ${message}`}`;
  cli.stdout.write(`${palette.bold(printable(head))}\n`);
  cli.stdout.write(`${paintDiff(printable(textOf(at(answer.value, 'diff'))), palette)}\n\n`);
  return exitCode.done;
}
