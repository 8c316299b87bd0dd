// Starts a mesh in the background: another `up` in a session of its own, watched until it serves.
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { acquireStateLock } from '@xebec/supervise';
import { controlPlaneOf } from '../admin/control-plane.ts';
import type { Cli } from '../cli.ts';
import { identityArguments } from '../commands/identity-options.ts';
import type { UpOptions } from '../commands/up.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { bundleArguments } from '../options/bundle-options.ts';
import { jwksArguments } from '../options/jwks-options.ts';
import { anonymousArguments } from '../options/policy-options.ts';
import { refuse } from '../output/diagnostics.ts';
import { listenForStop } from '../parts/until-signal.ts';
import { logDirectory } from '../state/state-directory.ts';
import type { UpRequest } from './hold-mesh.ts';
import { readMeshRecord } from './mesh-record.ts';
import { meshPaths } from './plan.ts';
import { downCommand, printSummary } from './summary.ts';
import { readWorkloads } from './workloads.ts';

const pollMs = 100;

export async function startDetached(cli: Cli, request: UpRequest): Promise<ExitCode> {
  const { state, given, options } = request;
  const paths = meshPaths(cli, given);
  if (!paths.ok) return refuse(cli, ...paths.diagnostics);
  // Said here and now; the background process takes the lock for itself.
  const lock = acquireStateLock(state, 'xebec up --detach');
  if (!lock.ok) return refuse(cli, ...lock.diagnostics);
  lock.value.release();
  mkdirSync(logDirectory(state), { recursive: true, mode: 0o700 });
  const log = openSync(join(logDirectory(state), 'up.log'), 'a+', 0o600);
  const relay = relayFrom(cli, log);
  const child = spawn(process.execPath, [cli.program, 'up', ...given, ...flagsOf(options, state)], {
    cwd: cli.cwd,
    env: { ...cli.env, XEBEC_DETACHED: '1' },
    detached: true,
    stdio: ['ignore', log, log],
  });
  let ended: ExitCode | undefined;
  child.once('exit', (code) => {
    ended = code === 0 ? exitCode.done : exitCode.failed;
  });
  child.once('error', () => {
    ended = exitCode.failed;
  });
  using signal = listenForStop(() => child.kill('SIGKILL'));
  void signal.stopped.then(() => child.kill('SIGTERM'));
  while (ended === undefined) {
    relay();
    const record = readMeshRecord(state);
    if (record?.phase === 'serving' && record.holder.pid === child.pid && !signal.isStopped) break;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  relay();
  closeSync(log);
  if (ended !== undefined) return exitCode.failed;
  child.unref();
  await summarize(cli, request, paths.value);
  return exitCode.done;
}

function flagsOf(options: UpOptions, state: string): readonly string[] {
  const { capture, discovery, ingressPort, envoy, certificateTtl, trustDomain, timeout } = options;
  const { openMetrics, auditSink = [], workloadKey } = options;
  return [
    ...['--state', state, '--capture', capture, '--discovery', discovery, '--timeout', `${timeout}ms`],
    ...(ingressPort === undefined ? [] : ['--ingress-port', String(ingressPort)]),
    ...(envoy === undefined ? [] : ['--envoy', envoy]),
    ...(certificateTtl === undefined ? [] : ['--certificate-ttl', `${certificateTtl}ms`]),
    ...jwksArguments(options),
    ...(options.policy === true ? ['--policy'] : []),
    ...anonymousArguments(options.anonymous),
    ...bundleArguments(options),
    ...identityArguments(options),
    ...(openMetrics === true ? ['--open-metrics'] : []),
    ...auditSink.flatMap((sink) => ['--audit-sink', sink]),
    ...(workloadKey === undefined ? [] : ['--workload-key', workloadKey]),
    ...(trustDomain === undefined ? [] : ['--trust-domain', trustDomain]),
  ];
}

/** Passes on what the log gains from now on. */
function relayFrom(cli: Cli, log: number): () => void {
  let position = fstatSync(log).size;
  const buffer = Buffer.alloc(64 * 1024);
  return () => {
    for (let length = 1; length > 0; position += length) {
      length = readSync(log, buffer, 0, buffer.length, position);
      cli.stderr.write(Buffer.from(buffer.subarray(0, length)));
    }
  };
}

async function summarize(
  cli: Cli,
  { state, given, options }: UpRequest,
  paths: readonly string[],
): Promise<void> {
  const record = readMeshRecord(state);
  const workloads = await readWorkloads(controlPlaneOf(state), 0);
  const rows = workloads.ok ? workloads.value.rows : [];
  const { xds = '', http = '', ingress = '', capture, captureReason } = record ?? {};
  const plan = { state, paths, isSample: given.length === 0, xds, http };
  await printSummary(
    cli,
    {
      plan,
      workloads: { rows },
      url: ingress || undefined,
      capture,
      captureReason: captureReason || undefined,
    },
    options.output,
  );
  if (options.output === 'table')
    cli.stdout.write(`It runs in the background; "${downCommand(cli, state)}" ends it.\n`);
}
