// The table of proxies, or everything about one.
import { fail, type Result, succeed } from '@xebec/std';
import { controlPlaneOf } from '../admin/control-plane.ts';
import type { Cli } from '../cli.ts';
import type { ProxyStatusOptions } from '../commands/proxy-status.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { type Palette, paletteFor } from '../output/colour.ts';
import { refuse } from '../output/diagnostics.ts';
import { inOneLine } from '../output/printable.ts';
import { printStructured } from '../output/structured.ts';
import { type Cell, formatTable, type TableCell } from '../output/table.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { nameOf, type ProxyStatus, readProxies, type SyncState, type TypeState } from './proxy-statuses.ts';
import { resolveWorkload } from './resolve-workload.ts';

export async function proxyStatus(
  cli: Cli,
  workload: string | undefined,
  options: ProxyStatusOptions,
): Promise<ExitCode> {
  const read = await readProxies(controlPlaneOf(stateDirectory(cli, options.state)));
  if (!read.ok) return refuse(cli, ...read.diagnostics);
  const chosen = choose(read.value, workload);
  if (!chosen.ok) return refuse(cli, ...chosen.diagnostics);
  if (options.output !== 'table') {
    await printStructured(cli, options.output, { items: chosen.value });
    return exitCode.done;
  }
  if (chosen.value.length === 0) {
    cli.stderr.write('no proxy is connected\n');
    return exitCode.done;
  }
  const palette = paletteFor(cli, cli.stdout);
  cli.stdout.write(tableOf(chosen.value, palette));
  for (const proxy of chosen.value) cli.stdout.write(detailsOf(proxy, palette, workload !== undefined));
  return exitCode.done;
}

function choose(all: readonly ProxyStatus[], workload: string | undefined): Result<readonly ProxyStatus[]> {
  if (workload === undefined) return succeed(all);
  const resolved = resolveWorkload(workload, all);
  if (!resolved.ok) return fail(...resolved.diagnostics);
  return succeed(all.filter((proxy) => nameOf(proxy) === nameOf(resolved.value)));
}

const headings = ['NAME', 'CLUSTERS', 'LISTENERS', 'ROUTES', 'ENDPOINTS', 'HOLDS', 'VERSION'];

function tableOf(proxies: readonly ProxyStatus[], palette: Palette): string {
  const rows = proxies.map((proxy): readonly TableCell[] => {
    const { clusters, listeners, routes, virtualHosts, endpoints } = proxy.types;
    // Virtual hosts that travel one by one are routes to people.
    const hosts = virtualHosts.state === 'NOT SENT' ? routes : mostUrgent(routes, virtualHosts);
    return [
      nameOf(proxy),
      ...[clusters, listeners, hosts, endpoints].map(({ state }) => stateCell(state, palette)),
      holdsOf(proxy),
      proxy.version ?? '',
    ];
  });
  return formatTable(headings, rows);
}

const mostUrgent = (first: TypeState, second: TypeState): TypeState => {
  const order: readonly SyncState[] = ['ERROR', 'STALE', 'SYNCED', 'NOT SENT'];
  return order.indexOf(first.state) <= order.indexOf(second.state) ? first : second;
};

const count = (number: number): string => number.toLocaleString('en-US');

/** Of all services it could get, how many this proxy has. */
function holdsOf({ types }: ProxyStatus): string {
  const { held, available } = types.clusters;
  return `holds ${count(held)} of ${count(Math.max(held, available))}`;
}

function stateCell(state: SyncState, palette: Palette): Cell {
  const paints: Readonly<Record<SyncState, Palette['red']>> = {
    SYNCED: palette.green,
    STALE: palette.yellow,
    'NOT SENT': palette.dim,
    ERROR: palette.red,
  };
  return { text: state, paint: paints[state] };
}

function detailsOf(proxy: ProxyStatus, palette: Palette, isDetailed: boolean): string {
  const lines = proxy.rejections.flatMap(({ type, message, resources, inForce }) => [
    `${palette.red('refused')} by ${nameOf(proxy)}: ${type}: ${inOneLine(message)}`,
    ...resources.flatMap(({ name, causes }) => [
      `  ${inOneLine(name)}`,
      ...causes.map((cause) => `    caused by ${inOneLine(cause)}`),
    ]),
    ...(inForce === undefined ? [] : [`    ${standing(inForce)}`]),
  ]);
  if (isDetailed) lines.unshift(...factsOf(proxy));
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`;
}

const standing = (version: string): string =>
  version === '' ? 'nothing of it is in force' : `the value of revision ${inOneLine(version)} stays in force`;

function factsOf(proxy: ProxyStatus): readonly string[] {
  const types = Object.entries(proxy.types)
    .filter(([, { state }]) => state !== 'NOT SENT')
    .map(
      ([type, { held, available }]) =>
        `  ${type}: holds ${count(held)} of ${count(Math.max(held, available))}`,
    );
  const since = new Date(proxy.connectedAtMs).toISOString();
  return [`${proxy.client}`, `  ${proxy.protocol}, ${proxy.discovery}, connected since ${since}`, ...types];
}
