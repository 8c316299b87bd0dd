// The policy service's composition root: identity, configuration, engine and doors, and all of it undone on close.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Authenticator, spiffeId, tokenAuthenticators } from '@xebec/ca';
import { createEdgeBoard, createMetricBoard, type EdgeBoard } from '@xebec/policy';
import { fail, type Result, succeed } from '@xebec/std';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { createAdapters } from './adapters.ts';
import { createRemoteHandlers } from './backends/remote/remote-handler.ts';
import { noConfiguration } from './configuration/configuration.ts';
import { type EngineHolder, openEngine, systemClock } from './configuration/engine-holder.ts';
import { createHeldSecrets } from './configuration/held-secrets.ts';
import { loadConfiguration, saveConfiguration } from './configuration/saved-configuration.ts';
import { vocabularyIn } from './configuration/vocabulary.ts';
import { createWorkloads, type LiveWorkloads } from './configuration/workload-directory.ts';
import type { DoorOptions } from './doors/options.ts';
import { addEdgeMetrics, serveEdges } from './edges/edge-routes.ts';
import { type ConfigurationStream, configurationStream } from './follow-configuration.ts';
import { followTrust } from './identity/follow-trust.ts';
import { openIdentity, type PolicyIdentity } from './identity/identity.ts';
import { keepIdentity } from './identity/kept-identity.ts';
import { openProgramTokens, type ProgramTokens } from './identity/program-tokens.ts';
import { keepStream } from './identity/upstream.ts';
import type { PolicyServiceEvent, PolicyServiceHandle, PolicyServiceOptions } from './options.ts';
import { type Ledgers, openLedgers } from './quotas/open-ledgers.ts';
import { listenAdmin, newQuotaAdmin } from './quotas/quota-admin.ts';
import { addQuotaMetrics } from './quotas/quota-metrics.ts';
import { addEngineMetrics } from './serving/engine-metrics.ts';
import { addMetrics, BoardRegistry } from './serving/metrics.ts';
import { type OpenDoors, openDoors } from './serving/open-doors.ts';
import { addPolicyAdmin } from './serving/policy-admin.ts';
import { addTokenAdmin } from './serving/token-admin.ts';

/** The service account of policy services. */
export const policyAccount = 'xebec-policy';

/** Starts a policy service. It waits for a certificate as long as it takes, unless aborted; when it fails nothing is left open. */
export async function runPolicyService(
  options: PolicyServiceOptions,
  signal: AbortSignal = new AbortController().signal,
): Promise<Result<PolicyServiceHandle>> {
  const emit = options.onEvent ?? (() => undefined);
  const stop = new AbortController();
  const identity = await getIdentity(options, emit, AbortSignal.any([signal, stop.signal]));
  if (!identity.ok) return identity;
  const tokens = openTokens(options, emit);
  if (!tokens.ok) {
    identity.value[Symbol.dispose]();
    return tokens;
  }
  const parts = await openParts(options, emit, identity.value);
  addTokenAdmin(parts.admin, tokens.value.programs);
  const doors = await openDoors({
    ...{ options, emit, identity: identity.value, tokens: tokens.value.authenticators },
    unready: () => (parts.hasConfiguration() ? undefined : 'no configuration yet'),
    registry: parts.registry,
    edges: parts.edges,
    doors: doorOptions(parts),
  });
  if (!doors.ok) {
    identity.value[Symbol.dispose]();
    await closeParts(parts);
    return doors;
  }
  const socket = join(options.stateDirectory, 'admin.sock');
  await listenAdmin(parts.admin, socket).catch((error: unknown) =>
    emit({ kind: 'fault', what: socket, error }),
  );
  parts.stream.serves(options.advertise ?? doors.value.addresses.grpc);
  const streams = follow(options, { identity: identity.value, parts, signal: stop.signal });
  return succeed({
    addresses: doors.value.addresses,
    revision: () => parts.holder.revision,
    close: () => close({ stop, streams, doors: doors.value, parts, identity: identity.value }),
  });
}

interface Tokens {
  readonly programs: ProgramTokens;
  readonly authenticators: readonly Authenticator[];
}

/** Our own, and those of others that the options name. */
function openTokens(
  options: PolicyServiceOptions,
  emit: (event: PolicyServiceEvent) => void,
): Result<Tokens> {
  const { trustDomain = 'cluster.local', stateDirectory } = options;
  const programs = openProgramTokens({ file: join(stateDirectory, 'token-key.pem'), trustDomain });
  if (!programs.ok) return programs;
  const others = tokenAuthenticators(trustDomain, options, (diagnostic) =>
    emit({ kind: 'problem', diagnostic }),
  );
  if (!others.ok) return others;
  const { value } = programs;
  return succeed({ programs: value, authenticators: [value.authenticator, ...others.value] });
}

async function getIdentity(
  options: PolicyServiceOptions,
  emit: (event: PolicyServiceEvent) => void,
  signal: AbortSignal,
): Promise<Result<PolicyIdentity>> {
  const { trustDomain = 'cluster.local', namespace = 'istio-system' } = options;
  const id = spiffeId({ trustDomain, namespace, serviceAccount: policyAccount });
  if (!id.ok) return id;
  const identity = await openIdentity(
    {
      spiffeId: id.value,
      ...upstreamOf(options),
      readRoots: () => readRoots(options.rootsFile),
      issueToken: options.issueToken,
      ...(options.leafTtlMs === undefined ? {} : { ttlMs: options.leafTtlMs }),
      onMessage: (message) => emit({ kind: 'identity', message }),
      kept: keepIdentity(join(options.stateDirectory, 'identity.json'), (error) =>
        emit({ kind: 'fault', what: 'the kept certificate', error }),
      ),
    },
    signal,
  );
  return identity === undefined ? stopped : succeed(identity);
}

const stopped = fail({
  severity: 'error',
  code: 'stopped',
  message: 'stopped before there was a certificate',
  remedy: 'check that the control plane runs',
});

const upstreamOf = ({ controlPlane, controlPlaneName }: PolicyServiceOptions) => ({
  address: controlPlane,
  serverName: controlPlaneName ?? 'istiod.istio-system.svc',
});

async function readRoots(file: string): Promise<Result<string>> {
  try {
    return succeed(await readFile(file, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail({
      severity: 'error',
      code: 'no-roots',
      message: `the root certificates cannot be read: ${reason}`,
      remedy: 'name the file with --roots, or start the control plane with the same state directory first',
    });
  }
}

interface Parts {
  readonly holder: EngineHolder;
  readonly hasConfiguration: () => boolean;
  readonly stream: ConfigurationStream;
  readonly workloads: LiveWorkloads;
  readonly registry: Registry;
  readonly vocabulary: DoorOptions['vocabulary'];
  readonly ledgers: Ledgers;
  readonly admin: FastifyInstance;
  readonly edges: EdgeBoard;
}

async function openParts(
  options: PolicyServiceOptions,
  emit: (event: PolicyServiceEvent) => void,
  identity: PolicyIdentity,
): Promise<Parts> {
  const file = join(options.stateDirectory, 'configuration.json');
  const first = loadConfiguration(file) ?? noConfiguration;
  const workloads = createWorkloads();
  const board = createMetricBoard();
  const edges = createEdgeBoard();
  workloads.replace(first.workloads.values());
  let vocabulary = vocabularyIn(first);
  let isConfigured = false;
  const onFault = (what: string) => (error: unknown) => emit({ kind: 'fault', what, error });
  const stream = configurationStream({
    first,
    node: options.node ?? `${hostname()}-${process.pid}`,
    onConnection: (change, message) => emit({ kind: 'control-plane', change, message }),
    onConfiguration(configuration) {
      workloads.replace(configuration.workloads.values());
      holder.apply(configuration);
    },
  });
  const secrets = createHeldSecrets();
  const ledgers = openLedgers(
    options.stateDirectory,
    (diagnostic) => emit({ kind: 'problem', diagnostic }),
    secrets,
  );
  const buildRemote = createRemoteHandlers(identity, secrets);
  const { stateDirectory } = options;
  const holder: EngineHolder = await openEngine(first, {
    adapters: createAdapters({
      ...{ stateDirectory, workloads, buildRemote, board, edges, secrets },
      quotas: ledgers.ports,
    }),
    ...{ buildRemote, secrets },
    clock: systemClock,
    onFault: onFault('a configuration'),
    onProblems: (revision, problems) => stream.applied(revision, problems),
    onApplied(configuration, problems) {
      const { revision } = configuration;
      vocabulary = vocabularyIn(configuration);
      stream.applied(revision, problems);
      if (configuration === noConfiguration) return;
      isConfigured = true;
      const wrong = problems.length === 0 ? '' : `, ${problems.length} problems`;
      emit({ kind: 'configuration', revision, message: `${configuration.objects.size} objects${wrong}` });
      if (configuration !== first) save(file, configuration, onFault('the saved configuration'));
    },
  });
  const registry = new BoardRegistry(board);
  addMetrics(registry, () => holder.revision);
  addEngineMetrics(registry, () => holder.engine);
  addQuotaMetrics(registry, ledgers);
  addEdgeMetrics(registry, edges);
  const admin = newQuotaAdmin({
    ledgers: ledgers.all,
    engine: () => holder.engine,
    vocabulary: () => vocabulary,
  });
  addPolicyAdmin(admin, { engine: () => holder.engine, vocabulary: () => vocabulary, registry });
  serveEdges(admin, edges, { path: '/edges' });
  return {
    ...{ holder, stream, workloads, registry, ledgers, admin, edges },
    hasConfiguration: () => isConfigured,
    vocabulary: () => vocabulary,
  };
}

function save(
  file: string,
  configuration: Parameters<typeof saveConfiguration>[1],
  onFault: (error: unknown) => void,
): void {
  try {
    saveConfiguration(file, configuration);
  } catch (error) {
    onFault(error);
  }
}

const doorOptions = ({ holder, workloads, registry, vocabulary }: Parts) => ({
  engine: () => holder.engine,
  ...{ vocabulary, workloads },
  metrics: registry,
});

interface Following {
  readonly identity: PolicyIdentity;
  readonly parts: Parts;
  readonly signal: AbortSignal;
}

function follow(options: PolicyServiceOptions, { identity, parts, signal }: Following): Promise<unknown> {
  const { trustDomain = 'cluster.local', namespace = 'istio-system' } = options;
  const upstream = { ...upstreamOf(options), identity };
  const trust = followTrust(identity, `policy~0.0.0.0~${policyAccount}.${namespace}~${trustDomain}`);
  return Promise.all([
    keepStream(upstream, parts.stream.use, signal),
    keepStream(upstream, trust, signal).finally(() => trust[Symbol.dispose]()),
  ]);
}

interface Closing {
  readonly stop: AbortController;
  readonly streams: Promise<unknown>;
  readonly doors: OpenDoors;
  readonly parts: Parts;
  readonly identity: PolicyIdentity;
}

/** Counters last: handlers may settle what they were told. */
async function closeParts({ admin, holder, ledgers }: Parts): Promise<void> {
  await admin.close();
  await holder.close();
  ledgers.close();
}

/** First nobody comes any more, then what was accepted is delivered. */
async function close({ stop, streams, doors, parts, identity }: Closing): Promise<void> {
  stop.abort();
  await doors.close();
  await closeParts(parts);
  identity[Symbol.dispose]();
  await streams;
}
