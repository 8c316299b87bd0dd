// Runs the control plane until a signal: flags become options, events become lines of a log.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ControlPlaneEvent, type ControlPlaneOptions, runControlPlane } from '@xebec/control-plane';
import { formatDiagnostic, type Result, succeed } from '@xebec/std';
import { acquireStateLock, locateEnvoy } from '@xebec/supervise';
import type { Cli } from '../cli.ts';
import type { ControlPlaneFlags } from '../commands/control-plane.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { bundleEndpointOf } from '../options/bundle-options.ts';
import { printDiagnostics, refuse } from '../output/diagnostics.ts';
import { metricsAccessOf } from '../state/metrics-token.ts';
import { controlSocket, prepareSocketDirectory, stateDirectory } from '../state/state-directory.ts';
import { auditSinksOf } from './audit-sinks.ts';
import { identityOptions } from './identity-options.ts';
import { listenForStop, logLine } from './until-signal.ts';

const nothing: Disposable = { [Symbol.dispose]: () => undefined };

export async function runControlPlaneCommand(cli: Cli, flags: ControlPlaneFlags): Promise<ExitCode> {
  // Nothing that it makes is for others, also not between making and changing its mode.
  process.umask(0o077);
  using signal = listenForStop();
  const state = flags.state === undefined ? undefined : stateDirectory(cli, flags.state);
  const identities = identityOptions(cli, flags);
  if (!identities.ok) return refuse(cli, ...identities.diagnostics);
  const bundle = bundleEndpointOf(cli, flags);
  if (!bundle.ok) return refuse(cli, ...bundle.diagnostics);
  const locked = lock(state, flags);
  if (!locked.ok) return refuse(cli, ...locked.diagnostics);
  using _lock = locked.value;
  const started = await runControlPlane({
    ...optionsOf(cli, flags, state),
    ...identities.value,
    ...bundle.value,
  });
  if (!started.ok) return refuse(cli, ...started.diagnostics);
  printDiagnostics(cli, started.warnings);
  logLine(cli, 'ready');
  const name = await signal.stopped;
  logLine(cli, `stopping (${name})`);
  await started.value.close();
  return exitCode.done;
}

function lock(state: string | undefined, flags: ControlPlaneFlags): Result<Disposable> {
  if (state === undefined || flags.supervised === true) return succeed(nothing);
  const locked = acquireStateLock(state, 'xebec controlplane');
  if (locked.ok) prepareSocketDirectory(state);
  return locked;
}

function optionsOf(cli: Cli, flags: ControlPlaneFlags, state: string | undefined): ControlPlaneOptions {
  const { xds, xdsPlaintext, http, discovery, certificateTtl } = flags;
  const socket = flags.controlSocket === undefined ? undefined : resolve(cli.cwd, flags.controlSocket);
  const admin = socket ?? (state === undefined ? undefined : controlSocket(state));
  if (state !== undefined) mkdirSync(state, { recursive: true, mode: 0o700 });
  return {
    ...(state === undefined ? {} : { stateDirectory: state }),
    configDirectories: (flags.configDir ?? []).map((path) => resolve(cli.cwd, path)),
    isRecursive: flags.recursive,
    ...(xds === undefined ? {} : { xds }),
    ...(xdsPlaintext === undefined ? {} : { xdsPlaintext }),
    ...(http === undefined ? {} : { http }),
    ...(flags.policyAddress === undefined ? {} : { policyAddress: flags.policyAddress }),
    ...accessOf(state, flags.openMetrics === true),
    ...(admin === undefined ? {} : { controlSocket: admin }),
    discovery,
    ...(certificateTtl === undefined ? {} : { leafTtlMs: certificateTtl }),
    jwks: {
      allow: flags.jwksAllow ?? [],
      ...(flags.jwksRefresh === undefined ? {} : { refreshMs: flags.jwksRefresh }),
    },
    settings: {
      trustDomain: flags.trustDomain,
      clusterDomain: flags.clusterDomain,
      rootNamespace: flags.rootNamespace,
      outboundTrafficPolicy: flags.outboundTrafficPolicy,
      accessLog: { format: flags.accessLog },
    },
    locateEnvoy: () => envoyToCheckWith(cli),
    unverifiedPatches: flags.unverifiedPatches,
    corrupt: (cli.env['XEBEC_TEST_CORRUPT'] ?? '').split(',').filter((cause) => cause !== ''),
    ...auditSinksOf(cli, flags.auditSink, 'control plane'),
    onEvent: (event) => logLine(cli, inWords(event)),
  };
}

const accessOf = (state: string | undefined, isOpen: boolean): Pick<ControlPlaneOptions, 'metricsAccess'> => {
  const metricsAccess = metricsAccessOf(state, isOpen);
  return metricsAccess === undefined ? {} : { metricsAccess };
};

/** An Envoy that is already here; none is installed for this. */
async function envoyToCheckWith(cli: Cli): Promise<string | undefined> {
  const located = await locateEnvoy({ env: cli.env, pins: new Map() });
  return located.ok ? located.value.path : undefined;
}

function inWords(event: ControlPlaneEvent): string {
  switch (event.kind) {
    case 'listening':
      return `listening ${event.what} ${event.address}`;
    case 'certificate':
      return `certificate ${JSON.stringify(event.audit)}`;
    case 'rotation':
      return `rotation ${event.stage}`;
    case 'problem':
      return formatDiagnostic(event.diagnostic);
    case 'fault':
      return `fault in ${event.what}: ${event.error instanceof Error ? event.error.stack : String(event.error)}`;
  }
}
