// Runs a policy service until a signal: flags become options, events become lines of a log.
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type PolicyServiceEvent,
  type PolicyServiceOptions,
  policyAccount,
  runPolicyService,
} from '@xebec/policy-service';
import { fail, formatDiagnostic, type Result, succeed } from '@xebec/std';
import { acquireStateLock } from '@xebec/supervise';
import { controlPlaneOf } from '../admin/control-plane.ts';
import { at, textOf } from '../admin/json.ts';
import type { Cli } from '../cli.ts';
import type { PolicyServeFlags } from '../commands/policy-serve.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { problem, refuse } from '../output/diagnostics.ts';
import { metricsAccessOf } from '../state/metrics-token.ts';
import { stateDirectory } from '../state/state-directory.ts';
import { tokenDoors } from './identity-options.ts';
import { listenForStop, logLine } from './until-signal.ts';

export async function runPolicyServeCommand(cli: Cli, flags: PolicyServeFlags): Promise<ExitCode> {
  process.umask(0o077);
  using signal = listenForStop();
  const state = stateDirectory(cli, flags.state);
  const locked = lock(state, flags);
  if (!locked.ok) return refuse(cli, ...locked.diagnostics);
  using _lock = locked.value;
  const tokens = tokenDoors(cli, flags, audiences);
  if (!tokens.ok) return refuse(cli, ...tokens.diagnostics);
  const stop = new AbortController();
  void signal.stopped.then(() => stop.abort());
  const started = await runPolicyService({ ...optionsOf(cli, flags, state), ...tokens.value }, stop.signal);
  if (!started.ok) return signal.isStopped ? exitCode.done : refuse(cli, ...started.diagnostics);
  logLine(cli, 'ready');
  const name = await signal.stopped;
  logLine(cli, `stopping (${name})`);
  await started.value.close();
  return exitCode.done;
}

/** Whom tokens of others must be for. */
const audiences = ['xebec-policy', 'istio-ca'];

const directoryOf = (state: string): string => join(state, 'policy');

function lock(state: string, flags: PolicyServeFlags): Result<Disposable> {
  mkdirSync(directoryOf(state), { recursive: true, mode: 0o700 });
  if (flags.supervised === true) return succeed({ [Symbol.dispose]: () => undefined });
  // The control plane may hold the directory itself: a policy service is one of its own kind there.
  return acquireStateLock(directoryOf(state), 'xebec policy serve');
}

function optionsOf(cli: Cli, flags: PolicyServeFlags, state: string): PolicyServiceOptions {
  const { controlPlaneName, advertise, listenPlaintext, certificateTtl, roots } = flags;
  const metricsAccess = metricsAccessOf(state, flags.openMetrics === true);
  return {
    controlPlane: flags.controlPlane,
    ...(controlPlaneName === undefined ? {} : { controlPlaneName }),
    rootsFile: roots === undefined ? join(state, 'ca', 'root-cert.pem') : resolve(cli.cwd, roots),
    issueToken: () => tokenOf(cli, flags, state),
    trustDomain: flags.trustDomain,
    listen: flags.listen,
    ...(advertise === undefined ? {} : { advertise }),
    ...(listenPlaintext === undefined ? {} : { listenPlaintext }),
    http: flags.http,
    ...(flags.orAnyPort === true ? { orAnyPort: true } : {}),
    ...(flags.anonymous === undefined ? {} : { anonymousMay: flags.anonymous }),
    ...(metricsAccess === undefined ? {} : { metricsAccess }),
    stateDirectory: directoryOf(state),
    ...(certificateTtl === undefined ? {} : { leafTtlMs: certificateTtl }),
    onEvent: (event) => logLine(cli, inWords(event)),
  };
}

async function tokenOf(cli: Cli, { tokenFile }: PolicyServeFlags, state: string): Promise<Result<string>> {
  if (tokenFile !== undefined) return readToken(resolve(cli.cwd, tokenFile));
  const owner = { namespace: 'istio-system', serviceAccount: policyAccount };
  const answer = await controlPlaneOf(state).post('/v1/tokens', owner);
  return answer.ok ? succeed(textOf(at(answer.value, 'token'))) : answer;
}

async function readToken(file: string): Promise<Result<string>> {
  try {
    return succeed((await readFile(file, 'utf8')).trim());
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(
      problem('no-token', `the token cannot be read: ${reason}`, 'name its file with --token-file'),
    );
  }
}

function inWords(event: PolicyServiceEvent): string {
  switch (event.kind) {
    case 'listening':
      return `listening ${event.what} ${event.address}`;
    case 'identity':
      return `identity: ${event.message}`;
    case 'control-plane':
      return `control plane ${event.change}: ${event.message}`;
    case 'configuration':
      return `configuration of revision ${event.revision}: ${event.message}`;
    case 'problem':
      return formatDiagnostic(event.diagnostic);
    case 'fault':
      return `fault in ${event.what}: ${event.error instanceof Error ? event.error.stack : String(event.error)}`;
  }
}
