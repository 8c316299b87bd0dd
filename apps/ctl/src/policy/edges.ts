// Shows who calls whom, as handlers of the adapter `edges` keep it.

import { askService } from '../admin/policy-service.ts';
import type { Cli } from '../cli.ts';
import type { PolicyEdgesOptions } from '../commands/policy-edges.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { refuse } from '../output/diagnostics.ts';
import { inOneLine } from '../output/printable.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';

interface End {
  readonly namespace: string;
  readonly workload: string;
}

/** As the policy service writes it. */
interface Edge {
  readonly handler: string;
  readonly source: End;
  readonly destination: End & { readonly service: string; readonly serviceNamespace: string };
  readonly protocol: string;
  readonly calls: number;
  readonly last: string;
}

export async function listEdges(cli: Cli, options: PolicyEdgesOptions): Promise<ExitCode> {
  const { namespace = '', handler = '', state } = options;
  const path = `/edges?${new URLSearchParams({ namespace, handler })}`;
  const answer = await askService(cli, { path, ...(state === undefined ? {} : { state }) });
  if (!answer.ok) return refuse(cli, ...answer.diagnostics);
  // Our own service of the same version.
  const { edges, total } = answer.value as { edges: readonly Edge[]; total: number };
  if (options.output === 'json') await printStructured(cli, 'json', edges);
  else cli.stdout.write(options.output === 'dot' ? asDot(edges) : asTable(edges));
  if (total > edges.length) cli.stderr.write(`${total - edges.length} more edges are not shown\n`);
  return exitCode.done;
}

function asTable(edges: readonly Edge[]): string {
  if (edges.length === 0)
    return 'No edge is kept: a rule must send instances of the template edge to a handler of the adapter edges.\n';
  const hasSeveral = new Set(edges.map(({ handler }) => handler)).size > 1;
  const rows = edges.map((edge) => [
    nameOf(edge.source),
    nameOf(edge.destination),
    serviceOf(edge),
    inOneLine(edge.protocol),
    String(edge.calls),
    edge.last,
    ...(hasSeveral ? [inOneLine(edge.handler)] : []),
  ]);
  const heads = [
    'SOURCE',
    'DESTINATION',
    'SERVICE',
    'PROTOCOL',
    'CALLS',
    'LAST',
    ...(hasSeveral ? ['KEPT BY'] : []),
  ];
  return formatTable(heads, rows);
}

/** Nobody proved who it was: `-`. */
const nameOf = ({ namespace, workload }: End): string =>
  workload === '' ? '-' : inOneLine(namespace === '' ? workload : `${namespace}/${workload}`);

const serviceOf = ({ destination: { service, serviceNamespace } }: Edge): string =>
  service === '' ? '-' : inOneLine(serviceNamespace === '' ? service : `${serviceNamespace}/${service}`);

/** For Graphviz. */
function asDot(edges: readonly Edge[]): string {
  const lines = edges.map(
    (edge) =>
      `  ${JSON.stringify(nameOf(edge.source))} -> ${JSON.stringify(nameOf(edge.destination))} [label=${JSON.stringify(`${inOneLine(edge.protocol)} ${edge.calls}`)}];`,
  );
  return `digraph mesh {\n${lines.map((line) => `${line}\n`).join('')}}\n`;
}
