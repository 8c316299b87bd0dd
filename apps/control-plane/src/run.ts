// The control plane's composition root: opens state, builds the pipeline, serves it, and undoes all of it on close.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openJournal } from '@xebec/journal-file';
import { watchDirectory } from '@xebec/source-file';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { Journal, JournalContent } from '@xebec/store';
import { createXdsServer, type XdsServer } from '@xebec/xds';
import { startAdminServer } from './api/admin-server.ts';
import { startPublicServer } from './api/public-server.ts';
import { type AuditLog, openAuditLog } from './audit/audit-log.ts';
import { Closing } from './closing.ts';
import type { ControlPlaneContext } from './context.ts';
import { trackConvergence } from './convergence.ts';
import { openFederation, serveBundle } from './federation/open-federation.ts';
import { openSessionKeys } from './keys/session-keys.ts';
import { startKeys } from './keys/start-keys.ts';
import type { ControlPlane, ControlPlaneEvent, ControlPlaneOptions } from './options.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import type { PolicyServices } from './policy/policy-services.ts';
import { startPolicyServices } from './policy/start-policy-services.ts';
import { followPods, podOf } from './proxies/known-pods.ts';
import { createProxyRegistry, type ProxyRegistry } from './proxies/registry.ts';
import { openUsedHosts } from './proxies/used-hosts.ts';
import { createRegistrations } from './proxies/workload-registrations.ts';
import { type CertificateAuthority, openCertificateAuthority } from './serving/authority.ts';
import { watchRefusedCallers } from './serving/refused-callers.ts';
import { isRevoked, watchAuthority } from './serving/watch-authority.ts';
import { openXdsPorts } from './serving/xds-ports.ts';
import { startVerification } from './verification/start-verification.ts';
import { version } from './version.ts';

/** Starts a control plane. When it fails nothing is left open. */
export async function runControlPlane(options: ControlPlaneOptions): Promise<Result<ControlPlane>> {
  const closing = new Closing();
  const started = await start(options, closing);
  if (!started.ok) {
    await closing.close();
    return started;
  }
  return succeed({ addresses: started.value, close: () => closing.close() }, started.warnings);
}

type Emit = (event: ControlPlaneEvent) => void;
type Addresses = ControlPlane['addresses'];

async function start(options: ControlPlaneOptions, closing: Closing): Promise<Result<Addresses>> {
  const emit: Emit = options.onEvent ?? (() => undefined);
  const state = openState(options, closing, emit);
  if (!state.ok) return state;
  const { journal, authority, audit } = state.value;
  const sessionKey = openSessionKeys(options.stateDirectory);
  if (!sessionKey.ok) return sessionKey;
  const pipeline = createPipeline({
    clock: Date.now,
    checksPatches: true,
    sessionKey: sessionKey.value,
    ...journal,
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(options.corrupt === undefined ? {} : { corrupt: options.corrupt }),
  });
  audit?.follow(pipeline.store);
  const policyServices = closing.use(startPolicyServices(options, pipeline, emit));
  const context = createContext(options, { pipeline, policyServices, authority, audit, emit }, closing);
  const sources = await openSources(options, context, closing, emit);
  if (!sources.ok) return sources;
  if (authority !== undefined) closing.use(watchAuthority(authority, context, emit));
  context.openFederation?.federating.start();
  const served = await serve(options, context, authority, { closing, emit });
  return served.ok ? succeed(served.value, [...state.warnings, ...sources.warnings]) : served;
}

interface OpenState {
  readonly journal: { readonly journal?: Journal; readonly recovered?: JournalContent };
  readonly authority: CertificateAuthority | undefined;
  readonly audit?: AuditLog;
}

function openState(options: ControlPlaneOptions, closing: Closing, emit: Emit): Result<OpenState> {
  const { stateDirectory } = options;
  if (stateDirectory === undefined) return succeed({ journal: {}, authority: undefined });
  const made = makeDirectory(stateDirectory);
  if (!made.ok) return made;
  const opened = openJournal(join(stateDirectory, 'journal'));
  if (!opened.ok) return opened;
  closing.use(opened.value.journal);
  const audit = openAuditLog({
    stateDirectory,
    sinks: options.auditSinks ?? [],
    onProblem: (diagnostic) => emit({ kind: 'problem', diagnostic }),
  });
  if (!audit.ok) return audit;
  closing.use(audit.value);
  const authority = openCertificateAuthority({
    directory: join(stateDirectory, 'ca'),
    trustDomain: options.settings?.trustDomain ?? 'cluster.local',
    audit: (event) => {
      audit.value.noteCertificate(event);
      emit({ kind: 'certificate', audit: event });
    },
    onProblem: (diagnostic) => emit({ kind: 'problem', diagnostic }),
    ...(options.signer === undefined ? {} : { signer: options.signer }),
    ...(options.tokenIssuer === undefined ? {} : { tokenIssuer: options.tokenIssuer }),
    ...(options.tokenReview === undefined ? {} : { tokenReview: options.tokenReview }),
    ...(options.leafTtlMs === undefined ? {} : { leafTtlMs: options.leafTtlMs }),
  });
  if (!authority.ok) return authority;
  closing.use(authority.value);
  return succeed({ journal: opened.value, authority: authority.value, audit: audit.value }, [
    ...opened.warnings,
    ...authority.warnings,
  ]);
}

function makeDirectory(directory: string): Result<string> {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return succeed(directory);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail({
      severity: 'error',
      code: 'cannot-write-state',
      message: `cannot make the state directory ${directory}: ${reason}`,
      remedy: 'choose a directory you may write to with --state',
    });
  }
}

interface Built {
  readonly pipeline: Pipeline;
  readonly policyServices: PolicyServices;
  readonly authority: CertificateAuthority | undefined;
  readonly audit: AuditLog | undefined;
  readonly emit: Emit;
}

function openHosts({ stateDirectory }: ControlPlaneOptions, { graph, usedHosts }: Pipeline, emit: Emit) {
  return openUsedHosts({
    graph,
    source: usedHosts,
    onFault: (error) => emit({ kind: 'fault', what: 'used hosts', error }),
    ...(stateDirectory === undefined ? {} : { file: join(stateDirectory, 'used-hosts.json') }),
  });
}

function createContext(options: ControlPlaneOptions, built: Built, closing: Closing): ControlPlaneContext {
  const { pipeline, policyServices, authority, audit, emit } = built;
  const { graph, proxies, resources, views } = pipeline;
  const usedHosts = closing.use(openHosts(options, pipeline, emit));
  const trustDomain = options.settings?.trustDomain ?? 'cluster.local';
  const registrations = closing.use(
    createRegistrations({
      store: pipeline.store,
      clock: Date.now,
      onProblem: (diagnostic) => emit({ kind: 'problem', diagnostic }),
    }),
  );
  const verification = closing.use(
    startVerification(options, {
      ...{ pipeline, policyServices, emit },
      view: (client) => registry.admission.view(client),
      statuses: () => xds.statuses(),
    }),
  );
  const registry: ProxyRegistry = closing.use(
    createProxyRegistry({
      graph,
      proxies,
      views,
      trustDomain,
      usedHosts,
      discovery: options.discovery ?? 'on-demand',
      registrations,
      onAdmitted: (client) => verification.admit(client),
      pod: (namespace, name) => podOf(pipeline, namespace, name),
      expel: (client, reason) => xds.expel(client, reason),
      isRevoked: (peer) => authority !== undefined && isRevoked(authority, peer),
    }),
  );
  followPods(pipeline, registry, closing);
  const callers = watchRefusedCallers((diagnostic) => emit({ kind: 'problem', diagnostic }));
  const xds: XdsServer = createXdsServer({
    graph,
    types: resources,
    admission: registry.admission,
    ...(authority === undefined ? {} : { authenticate: authority.identify }),
    onEvent: (event) => {
      callers.observe(event);
      registry.observe(event);
      verification.observe(event);
    },
  });
  closing.defer(() => xds.close());
  closing.use(registry.onViewChange((client) => xds.refreshView(client)));
  const convergence = closing.use(openConvergence(pipeline, xds, registry));
  return {
    ...pipeline,
    xds,
    registry,
    registrations,
    convergence,
    keys: closing.use(startKeys(options, pipeline, emit)),
    openFederation: federationOf(options, built, closing),
    policyServices,
    ...{ health: verification.health, bootstraps: verification.bootstraps },
    tokens: authority?.tokens,
    ...{ identities: authority, audit },
    author: options.author ?? 'xebec',
    startedAtMs: Date.now(),
    version,
    isReady: () => true,
  };
}

/** Without an authority there is nobody to believe and nothing to tell. */
function federationOf(options: ControlPlaneOptions, { authority, ...built }: Built, closing: Closing) {
  const { stateDirectory } = options;
  if (authority === undefined || stateDirectory === undefined) return undefined;
  const parts = { ...built, authority: authority.authority };
  return openFederation({ ...options, stateDirectory }, parts, closing);
}

const openConvergence = ({ graph, resources, mesh }: Pipeline, xds: XdsServer, registry: ProxyRegistry) =>
  trackConvergence({
    graph,
    resources,
    scopes: mesh.scopes,
    statuses: () => xds.statuses(),
    view: (client) => registry.admission.view(client),
    proxy: (client) => registry.proxy(client),
  });

/** Nothing is served before every source has been read once: no proxy may get an emptier configuration. */
async function openSources(
  options: ControlPlaneOptions,
  { store }: ControlPlaneContext,
  closing: Closing,
  emit: Emit,
): Promise<Result<undefined>> {
  const warnings: Diagnostic[] = [];
  for (const path of options.configDirectories ?? []) {
    const source = watchDirectory({
      paths: [path],
      recursive: options.isRecursive ?? true,
      store,
      owner: `file:${path}`,
      onDiagnostics: (diagnostics) => {
        for (const diagnostic of diagnostics) emit({ kind: 'problem', diagnostic });
      },
    });
    closing.defer(() => source.close());
    const read = await source.ready;
    if (!read.ok) return read;
    warnings.push(...read.warnings);
  }
  const removed = removeAbandoned(store, options.configDirectories ?? []);
  return removed.ok ? succeed(undefined, warnings) : removed;
}

/** Objects of directories that an earlier run watched and this one does not. */
function removeAbandoned(
  store: ControlPlaneContext['store'],
  directories: readonly string[],
): Result<unknown> {
  const current = new Set(directories.map((path) => `file:${path}`));
  const abandoned = store.list().filter(({ owner }) => owner.startsWith('file:') && !current.has(owner));
  if (abandoned.length === 0) return succeed(undefined);
  return store.apply({
    deletes: abandoned.map(({ key }) => key),
    author: 'xebec',
    owner: 'api',
    mode: 'all-or-nothing',
    message: 'remove what came from directories that are not watched any more',
  });
}

async function serve(
  options: ControlPlaneOptions,
  context: ControlPlaneContext,
  authority: CertificateAuthority | undefined,
  { closing, emit }: { readonly closing: Closing; readonly emit: Emit },
): Promise<Result<Addresses>> {
  const ports = await openXdsPorts({
    server: context.xds,
    onProblem: (diagnostic) => emit({ kind: 'problem', diagnostic }),
    ...(options.xds === undefined ? {} : { xds: options.xds }),
    ...(options.xdsPlaintext === undefined ? {} : { xdsPlaintext: options.xdsPlaintext }),
    ...(authority === undefined ? {} : { authority }),
    streams: [context.policyServices.stream],
  });
  if (!ports.ok) return ports;
  closing.use(ports.value);
  const { xds, xdsPlaintext } = ports.value;
  const addresses: { -readonly [K in keyof Addresses]: Addresses[K] } = {
    ...(xds === undefined ? {} : { xds }),
    ...(xdsPlaintext === undefined ? {} : { xdsPlaintext }),
  };
  if (options.http !== undefined) {
    const opened = await startPublicServer(context, options.http, options.metricsAccess);
    if (!opened.ok) return opened;
    closing.defer(() => opened.value.close());
    addresses.http = addressOf(opened.value.server.address()) ?? options.http;
  }
  const bundle = await serveBundle(options, context, { closing, emit });
  if (!bundle.ok) return bundle;
  if (bundle.value !== undefined) addresses.bundle = bundle.value;
  if (options.controlSocket !== undefined) {
    const opened = await startAdminServer(context, options.controlSocket);
    if (!opened.ok) return opened;
    closing.defer(() => opened.value.close());
    addresses.controlSocket = options.controlSocket;
  }
  announce(addresses, emit);
  return succeed(addresses);
}

const addressOf = (address: { address: string; port: number } | string | null): string | undefined =>
  typeof address === 'object' && address !== null ? `${address.address}:${address.port}` : undefined;

function announce(addresses: Addresses, emit: Emit): void {
  const named = [
    ['xds', addresses.xds],
    ['xds-plaintext', addresses.xdsPlaintext],
    ['http', addresses.http],
    ['bundle', addresses.bundle],
    ['admin', addresses.controlSocket],
  ] as const;
  for (const [what, address] of named) if (address !== undefined) emit({ kind: 'listening', what, address });
}
