// What people see once it serves: the workloads, the address, and three things to try.
import { join } from 'node:path';
import type { Cli } from '../cli.ts';
import { displayName } from '../documents/read-documents.ts';
import { paletteFor } from '../output/colour.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';
import { stateDirectory } from '../state/state-directory.ts';
import type { WorkloadRow } from './workloads.ts';

export interface Summary {
  readonly plan: {
    readonly state: string;
    readonly paths: readonly string[];
    readonly isSample: boolean;
    readonly xds: string;
    readonly http: string;
  };
  readonly workloads: { readonly rows: readonly WorkloadRow[] };
  readonly url: string | undefined;
  readonly capture: string | undefined;
  readonly captureReason?: string | undefined;
}

export async function printSummary(cli: Cli, summary: Summary, output: 'table' | 'json'): Promise<void> {
  const { plan, workloads, url, capture, captureReason } = summary;
  if (output === 'json') {
    const { state, xds, http } = plan;
    await printStructured(cli, 'json', {
      state,
      ingress: url ?? null,
      xds,
      http,
      capture: capture ?? null,
      workloads: workloads.rows,
    });
    return;
  }
  const palette = paletteFor(cli, cli.stdout);
  const rows = workloads.rows.map(({ name, namespace, version, isReady, address, identity }) => [
    name,
    namespace,
    version,
    isReady ? { text: 'yes', paint: palette.green } : { text: 'no', paint: palette.red },
    address,
    identity,
  ]);
  cli.stdout.write(
    `\n${formatTable(['WORKLOAD', 'NAMESPACE', 'VERSION', 'READY', 'ADDRESS', 'IDENTITY'], rows)}\n`,
  );
  if (capture !== undefined)
    cli.stdout.write(
      `Capture: ${capture}${captureReason === undefined ? '' : ` (not transparent: ${captureReason})`}\n`,
    );
  if (url !== undefined) cli.stdout.write(`Ingress: ${palette.bold(palette.cyan(url))}\n`);
  cli.stdout.write(
    `\nThree things to try:\n${tips(cli, summary)
      .map((tip, index) => `  ${index + 1}. ${tip}\n`)
      .join('')}\n`,
  );
}

/** How this person calls the command: through npm it is not on the PATH. */
const programWords = (cli: Cli): string => (cli.env['npm_command'] === undefined ? 'xebec' : 'npx xebec');

/** ` --state DIR` where it is needed. */
const stateFlag = (cli: Cli, state: string): string =>
  stateDirectory(cli, undefined) === state ? '' : ` --state ${displayName(cli.cwd, state)}`;

/** What ends a mesh in the background. */
export const downCommand = (cli: Cli, state: string): string =>
  `${programWords(cli)} down${stateFlag(cli, state)}`;

function tips(cli: Cli, { plan, url }: Summary): readonly string[] {
  const program = programWords(cli);
  const state = stateFlag(cli, plan.state);
  if (!plan.isSample) {
    return [
      `${program} proxy-status${state}        which proxy has what`,
      `${program} apply -f FILE --wait${state}   change something, until every proxy has it`,
      `${program} history --diff${state}      what changed, and who did it`,
    ];
  }
  const routing = displayName(cli.cwd, join(plan.paths[0] ?? '', 'routing'));
  return [
    `open ${url ?? 'the ingress'} and reload: the stars come and go with the version of reviews`,
    `${program} apply --wait${state} -f ${routing}/destination-rule-all.yaml -f ${routing}/virtual-service-all-v1.yaml   then reload: no stars`,
    `${program} proxy-status${state}   and   ${program} rollback 1 --wait${state}`,
  ];
}
