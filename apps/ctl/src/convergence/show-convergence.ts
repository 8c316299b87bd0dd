// The end of `--wait`: waits with progress, then one row per object, the stragglers by name, and the exit code.
import type { Diagnostic, Result } from '@xebec/std';
import type { ControlPlane } from '../admin/control-plane.ts';
import type { Cli } from '../cli.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { paletteFor } from '../output/colour.ts';
import { printDiagnostics, problem } from '../output/diagnostics.ts';
import { startProgress } from '../output/progress.ts';
import { formatTable, plural } from '../output/table.ts';
import { type Convergence, stragglersOf, waitForProxies } from './wait-for-proxies.ts';

export interface Waited {
  readonly code: ExitCode;
  readonly convergence?: Convergence;
  readonly diagnostics: readonly Diagnostic[];
}

export interface WaitRequest {
  readonly controlPlane: ControlPlane;
  readonly revision: number | undefined;
  readonly timeoutMs: number;
}

/** Waits with progress on standard error; prints no result. */
export async function waitWithProgress(cli: Cli, request: WaitRequest): Promise<Waited> {
  const { controlPlane, revision, timeoutMs } = request;
  const step = startProgress(cli).step('waiting for the proxies');
  const result = await waitForProxies(controlPlane, {
    timeoutMs,
    ...(revision === undefined ? {} : { revision }),
    onLook: ({ objects }) => {
      const late = stragglersOf(objects);
      step.say(
        late.length === 0 ? '' : `${plural(late.length, 'proxy', 'proxies')} to go: ${late.join(', ')}`,
      );
    },
  });
  if (!result.ok || !result.value.isDone) step.failed();
  else step.done();
  return judge(result, timeoutMs);
}

function judge(result: Result<Convergence>, timeoutMs: number): Waited {
  if (!result.ok) return { code: exitCode.failed, diagnostics: result.diagnostics };
  const convergence = result.value;
  if (convergence.isDone) {
    const { problems } = convergence;
    return {
      code: problems.length === 0 ? exitCode.done : exitCode.failed,
      convergence,
      diagnostics: problems,
    };
  }
  const late = stragglersOf(convergence.objects);
  const rejected = new Set(convergence.objects.flatMap(({ rejected: refused }) => refused));
  if (rejected.size > 0 && rejected.size >= late.length) {
    const message = `refused by ${late.join(', ')}`;
    const remedy = `see why with "xebec proxy-status ${late[0] ?? ''}"`;
    return { code: exitCode.failed, convergence, diagnostics: [problem('proxy-refused', message, remedy)] };
  }
  const message = `timed out after ${timeoutMs / 1000} s; without it: ${late.join(', ')}`;
  return {
    code: exitCode.timedOut,
    convergence,
    diagnostics: [problem('wait-timed-out', message, 'see "xebec proxy-status", or wait longer: --wait=2m')],
  };
}

/** What is read at the start of a proxy is sent to none. */
const unneeded = (key: string): string =>
  key.startsWith('ProxyConfig/') ? 'for proxies that start from now on' : 'no proxy needs it';

/** One row per object, then what went wrong. */
export function printConvergence(cli: Cli, waited: Waited): void {
  const palette = paletteFor(cli, cli.stdout);
  const { convergence, diagnostics } = waited;
  if (convergence !== undefined && convergence.objects.length > 0) {
    const rows = convergence.objects.map(({ key, targeted, sent, acked, rejected }) => {
      const late = stragglersOf([{ key, targeted, sent, acked, rejected }]);
      const isDone = late.length === 0;
      const served = targeted.length === 0 ? unneeded(key) : 'serving';
      const text = isDone ? served : `waiting for ${late.join(', ')}`;
      const status = rejected.length > 0 ? `refused by ${late.join(', ')}` : text;
      return [
        key,
        targeted.length,
        sent.length,
        acked.length,
        { text: status, paint: isDone ? palette.green : palette.red },
      ];
    });
    cli.stdout.write(`\n${formatTable(['OBJECT', 'PROXIES', 'SENT', 'ACKED', 'STATUS'], rows)}`);
  }
  printDiagnostics(cli, diagnostics);
}
