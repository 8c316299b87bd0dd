// The phases of one server with one kind of client: boot, first sync, then each kind of change, every one measured alike.
import { type MeshDirectory, writeMesh } from '../generate/mesh-directory.ts';
import { changedAddress, clusterOf, endpointAddress, hostOf, isRouted } from '../generate/naming.ts';
import { nowMs, pause, until } from '../measure/clock.ts';
import { canConnect } from '../servers/connect.ts';
import { type RunningServer, type ServerCommand, startServer } from '../servers/server-process.ts';
import { type Fleet, startFleet } from '../sidecars/fleet-process.ts';
import type { DiscoveryMode } from '../sidecars/messages.ts';
import { typeUrls } from '../sidecars/requests.ts';
import { type ChangePlan, measureChange, type PhaseResult, resultOf } from './phase.ts';

export interface ControlPlaneRun {
  readonly directory: string;
  readonly services: number;
  readonly sidecars: number;
  readonly changes: number;
  readonly layout: 'namespace' | 'service';
  readonly mode: DiscoveryMode;
  readonly command: (config: string) => Promise<ServerCommand>;
  readonly onProgress: (what: string) => void;
}

export interface ControlPlaneResult {
  readonly server: string;
  readonly mode: DiscoveryMode;
  readonly services: number;
  readonly sidecars: number;
  readonly phases: readonly PhaseResult[];
}

interface Booted {
  readonly server: RunningServer;
  readonly result: PhaseResult;
}

/** Nothing may take longer than this. */
const limitFor = ({ services, sidecars }: ControlPlaneRun): number =>
  60_000 + (services * sidecars) / 5 + services * 10;

/** Two services that every on-demand sidecar uses: a plain one, whose endpoint changes, and a routed one. */
const plainService = 1;
const routedService = 0;
const hostsPerSidecar = 5;

export async function measureControlPlane(run: ControlPlaneRun): Promise<ControlPlaneResult> {
  const { onProgress, mode, services, sidecars } = run;
  onProgress(`writing ${services} services`);
  const mesh = writeMesh({ directory: run.directory, services, layout: run.layout });
  const command = await run.command(run.directory);
  const fleet = startFleet();
  const closing: (() => Promise<void>)[] = [() => fleet.close()];
  const phases: PhaseResult[] = [];
  try {
    onProgress('boot');
    const { server, result } = await measureBoot(run, command, fleet);
    closing.push(() => server.stop());
    phases.push(result);
    const context = { server, fleet, limitMs: limitFor(run) };
    onProgress(`first sync of ${sidecars} sidecars`);
    phases.push(await measureFirstSync(run, server, fleet));
    for (const plan of changePlans(run, mesh, fleet)) {
      onProgress(plan.name);
      phases.push(await measureChange(context, plan));
    }
  } finally {
    for (const close of closing) await close();
  }
  return { server: command.name, mode, services, sidecars, phases };
}

/** Until an ordinary sidecar gets every service: one that comes again until it does, as a server may listen before it knows all. */
async function measureBoot(run: ControlPlaneRun, command: ServerCommand, fleet: Fleet): Promise<Booted> {
  await fleet.settle(0, 0);
  const server = startServer(command);
  const endMs = nowMs() + limitFor(run);
  try {
    while (nowMs() < endMs) {
      const problem = server.problem();
      if (problem !== undefined) throw new Error(problem);
      await until(() => canConnect(command.address), 1_000, 10);
      const result = await probe(run, server, fleet);
      if (result !== undefined) return { server, result };
      await pause(50);
    }
    throw new Error(`${server.name} served no complete configuration in time`);
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function probe(
  { services }: ControlPlaneRun,
  server: RunningServer,
  fleet: Fleet,
): Promise<PhaseResult | undefined> {
  const synced = await fleet.connect({
    address: server.address,
    sidecars: 1,
    firstIndex: 60_000,
    mode: 'ordinary',
    hosts: [],
    limitMs: 20_000,
  });
  const traffic = await fleet.settle(0, 0);
  const isComplete = (traffic.types[typeUrls.endpoint]?.resources ?? 0) >= services;
  if (synced.missing > 0 || !isComplete) return undefined;
  const tookMs = (synced.atMs[0] ?? 0) - server.startedAtMs;
  const usage = server.usage();
  return resultOf(
    { name: 'boot', repetitions: 1 },
    {
      samples: { each: [tookMs], all: [tookMs], missing: 0 },
      traffic: [{ ...traffic, failures: [] }],
      cpu: usage.cpuSeconds,
      usage,
    },
  );
}

async function measureFirstSync(
  run: ControlPlaneRun,
  server: RunningServer,
  fleet: Fleet,
): Promise<PhaseResult> {
  const before = server.usage();
  const synced = await fleet.connect({
    address: server.address,
    sidecars: run.sidecars,
    firstIndex: 0,
    mode: run.mode,
    hosts: Array.from({ length: run.sidecars }, (_, index) => usedHosts(index, run.services)),
    limitMs: limitFor(run),
  });
  const traffic = await fleet.settle(250, limitFor(run));
  const usage = server.usage();
  const each = synced.atMs.map((time) => time - synced.startMs);
  const all = synced.missing === 0 ? [Math.max(...each)] : [];
  return resultOf(
    { name: 'first sync', repetitions: 1 },
    {
      samples: { each, all, missing: synced.missing },
      traffic: [traffic],
      cpu: usage.cpuSeconds - before.cpuSeconds,
      usage,
    },
  );
}

/** The two services that change, and some of its own for each sidecar. */
function usedHosts(index: number, services: number): readonly string[] {
  const own = Array.from(
    { length: hostsPerSidecar - 2 },
    (_, i) => 2 + ((index * 7 + i * 13) % Math.max(1, services - 2)),
  );
  return [...new Set([plainService, routedService, ...own])].map((service) => `80/${hostOf(service)}`);
}

function changePlans(run: ControlPlaneRun, mesh: MeshDirectory, fleet: Fleet): readonly ChangePlan[] {
  const { changes: repetitions, mode } = run;
  const plans = [
    endpointChange(repetitions, mesh),
    routeChange(repetitions, mesh),
    serviceAdded(run, mesh, fleet),
  ];
  if (mode === 'on-demand') plans.push(unusedChange(run, mesh));
  return [...plans, meshChange(Math.min(repetitions, 4), mesh)];
}

function endpointChange(repetitions: number, mesh: MeshDirectory): ChangePlan {
  return {
    name: 'endpoint change',
    repetitions,
    marks: (repetition) => [{ typeUrl: typeUrls.endpoint, bytes: changedAddress(repetition) }],
    change: () => mesh.changeEndpoint(plainService).atMs,
  };
}

/** Weight 10 stands at first; every change takes another one below 100. */
const weightOf = (repetition: number): number => 11 + repetition;

function routeChange(repetitions: number, mesh: MeshDirectory): ChangePlan {
  // ClusterWeight: the name, then field 2, a message of one varint.
  const mark = (weight: number): string =>
    `${clusterOf(routedService, 'v2')}\x12\x02\x08${String.fromCharCode(weight)}`;
  return {
    name: 'route change',
    repetitions,
    marks: (repetition) => [{ typeUrl: typeUrls.route, bytes: mark(weightOf(repetition)) }],
    change: (repetition) => mesh.changeWeight(routedService, weightOf(repetition)),
  };
}

/** Ordinary sidecars get every new service. On-demand ones get those that they asked for before they existed. */
function serviceAdded(
  { changes: repetitions, mode }: ControlPlaneRun,
  mesh: MeshDirectory,
  fleet: Fleet,
): ChangePlan {
  return {
    name: 'service added',
    repetitions,
    prepare: async () => {
      if (mode === 'on-demand') await fleet.ask([`80/${hostOf(mesh.size())}`], 30_000);
    },
    marks: () => {
      const service = mesh.size();
      return [
        { typeUrl: typeUrls.cluster, bytes: `|${hostOf(service)}` },
        { typeUrl: typeUrls.endpoint, bytes: endpointAddress(service, 0) },
        { typeUrl: typeUrls.route, bytes: hostOf(service) },
      ];
    },
    change: () => mesh.addService().atMs,
  };
}

/** An endpoint of a service that no sidecar uses. */
function unusedChange({ changes: repetitions, services }: ControlPlaneRun, mesh: MeshDirectory): ChangePlan {
  const unused = services - 1;
  return {
    name: 'unused endpoint',
    repetitions,
    marks: () => [],
    change: () => mesh.changeEndpoint(isRouted(unused) ? unused - 1 : unused).atMs,
  };
}

/** Mutual TLS demanded from everybody, and not: every sidecar's inbound listener changes. */
function meshChange(repetitions: number, mesh: MeshDirectory): ChangePlan {
  return {
    name: 'mesh-wide change',
    repetitions,
    marks: () => [{ typeUrl: typeUrls.listener, bytes: '' }],
    change: (repetition) => mesh.setPolicy(repetition % 2 === 0 ? 'STRICT' : 'PERMISSIVE'),
  };
}
