// What the authority trusts and until when, which workloads have it, and what to do before something expires. Answers from the files when no mesh runs: an expired authority must not hide itself.

import { controlPlaneOf } from '../admin/control-plane.ts';
import type { Cli } from '../cli.ts';
import type { AuthorityOptions } from '../commands/ca.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { type Palette, paletteFor } from '../output/colour.ts';
import { printDiagnostics, problem, refuse } from '../output/diagnostics.ts';
import { printStructured } from '../output/structured.ts';
import { formatTable } from '../output/table.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { certificatesOnDisk } from './on-disk.ts';
import {
  type AuthorityCertificate,
  type AuthorityState,
  type FederationState,
  readAuthority,
} from './read-status.ts';

export async function authorityStatus(cli: Cli, options: AuthorityOptions): Promise<ExitCode> {
  const state = stateDirectory(cli, options.state);
  const answer = await controlPlaneOf(state).get('/v1/ca');
  if (!answer.ok) {
    const certificates = certificatesOnDisk(state);
    if (certificates.length === 0) return refuse(cli, ...answer.diagnostics);
    return await showFiles(cli, certificates, options);
  }
  if (options.output === 'json') {
    await printStructured(cli, 'json', answer.value);
    return exitCode.done;
  }
  const authority = readAuthority(answer.value);
  cli.stdout.write(shown(authority, paletteFor(cli, cli.stdout)));
  printDiagnostics(cli, authority.warnings);
  return exitCode.done;
}

function shown(authority: AuthorityState, palette: Palette): string {
  const { trustDomain, roots, certificates, workloads, rotation } = authority;
  const late = workloads.filter(({ hasBundle, hasIssuer }) => !hasBundle || !hasIssuer);
  const trusting = `${workloads.length - late.length} of ${workloads.length} workloads are up to date`;
  return [
    `Trust domain ${trustDomain}, ${roots === 1 ? 'one root' : `${roots} roots`}; ${trusting}.\n\n`,
    tableOf(certificates, palette),
    ...federated(authority.federation),
    ...(rotation === undefined
      ? []
      : [`\nRotation of the ${rotation.kind}: ${rotation.stage} (goes to ${rotation.goal})\n`]),
    ...(rotation?.waitingFor ?? []).map(({ workload, reason }) => `  waits for ${workload}: ${reason}\n`),
    ...late
      .filter(() => rotation === undefined)
      .map(({ workload, problem: why }) => `  ${workload} is behind${why === '' ? '' : `: ${why}`}\n`),
  ].join('');
}

/** A line for each trust domain that is let in or waited for. */
function federated({ letIn, bundles }: FederationState): readonly string[] {
  const names = [...new Set([...letIn, ...bundles.map(({ trustDomain }) => trustDomain)])].sort();
  if (names.length === 0) return [];
  const rows = names.map((name) => {
    const fetched = bundles.filter(({ trustDomain }) => trustDomain === name);
    const from = fetched.map(({ url, fetchedAtMs }) =>
      fetchedAtMs === undefined ? `${url}, not yet fetched` : `${url}, ${ago(fetchedAtMs)}`,
    );
    return [name, letIn.includes(name) ? 'let in' : 'not let in', from.join('; ') || 'written'];
  });
  return ['\n', formatTable(['TRUST DOMAIN', 'STATE', 'FROM'], rows)];
}

const ago = (atMs: number): string => `${left(Math.max(1, Date.now() - atMs))} ago`;

function tableOf(certificates: readonly AuthorityCertificate[], palette: Palette): string {
  const nowMs = Date.now();
  const rows = certificates.map(({ role, subject, notAfter }) => [
    role,
    subject,
    { text: left(notAfter - nowMs), paint: notAfter - nowMs < thirtyDaysMs ? palette.red : palette.green },
    new Date(notAfter).toISOString().replace('.000Z', 'Z'),
  ]);
  return formatTable(['ROLE', 'NAME', 'LEFT', 'UNTIL'], rows);
}

const hourMs = 3_600_000;
const thirtyDaysMs = 30 * 24 * hourMs;

/** `EXPIRED`, `45m`, `20h`, `3649d`. */
export function left(ms: number): string {
  if (ms <= 0) return 'EXPIRED';
  if (ms < hourMs) return `${Math.ceil(ms / 60_000)}m`;
  return ms < 48 * hourMs ? `${Math.floor(ms / hourMs)}h` : `${Math.floor(ms / (24 * hourMs))}d`;
}

async function showFiles(
  cli: Cli,
  certificates: readonly AuthorityCertificate[],
  { output }: AuthorityOptions,
): Promise<ExitCode> {
  if (output === 'json') {
    await printStructured(cli, 'json', { isRunning: false, certificates });
    return exitCode.done;
  }
  cli.stdout.write(tableOf(certificates, paletteFor(cli, cli.stdout)));
  const hasExpired = certificates.some(({ notAfter }) => notAfter <= Date.now());
  cli.stderr.write('no mesh is running: this is what its files say\n');
  if (!hasExpired) return exitCode.done;
  printDiagnostics(cli, [
    problem(
      'authority-expired',
      'the authority has expired: a mesh with it does not start',
      'make another one with "xebec ca replace"',
    ),
  ]);
  return exitCode.done;
}
