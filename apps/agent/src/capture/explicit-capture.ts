// Explicit capture: needs no privilege. A workload has loopback addresses of its own, and its application names the proxy itself.
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { refuse } from '../problem.ts';
import type { Capture, CapturedWorkload, CaptureRequest } from './capture.ts';
import { inertAnnotations } from './capture-annotations.ts';
import { type BindOutcome, firstPlaceOf, type LoopbackPair, pairAt, tryBind } from './loopback-addresses.ts';
import { type ListUdpDestinations, udpEnvironment } from './udp-directory.ts';

/** Where the proxy of an explicit workload takes the application's HTTP requests. */
const outboundPort = 15001;
const proxyPorts = [outboundPort, 15020, 15021];
const mostAttempts = 1_000;

export interface ExplicitCaptureOptions {
  /** Addresses are chosen by it, so that two meshes on one machine keep apart and a restart gives the same ones. */
  readonly stateDirectory: string;
  /** Whether an address and port are free; default: tries. */
  readonly tryBind?: (address: string, port: number) => Promise<BindOutcome>;
  /** UDP services that applications are told of; default: none. */
  readonly udpDestinations?: ListUdpDestinations;
}

export function createExplicitCapture(options: ExplicitCaptureOptions): Capture {
  const { tryBind: look = tryBind } = options;
  const firstPlace = firstPlaceOf(options.stateDirectory);
  const held = new Set<number>();

  const isUsable = async (pair: LoopbackPair, request: CaptureRequest): Promise<BindOutcome> => {
    const wanted = [
      ...proxyPorts.map((port) => [pair.proxy, port] as const),
      ...request.ports.flatMap((port) => [[pair.proxy, port] as const, [pair.application, port] as const]),
    ];
    for (const [address, port] of wanted) {
      const outcome = await look(address, port);
      if (outcome.kind !== 'free') return outcome;
    }
    return { kind: 'free' };
  };

  const take = async (request: CaptureRequest): Promise<Result<{ place: number; pair: LoopbackPair }>> => {
    let last: BindOutcome = { kind: 'taken' };
    for (let offset = 0; offset < mostAttempts; offset += 1) {
      const place = firstPlace + offset;
      if (held.has(place)) continue;
      held.add(place);
      const pair = pairAt(place);
      last = await isUsable(pair, request);
      if (last.kind === 'free') return succeed({ place, pair });
      held.delete(place);
      if (last.kind !== 'taken') return noAddress(pair, last);
    }
    return noAddress(pairAt(firstPlace), last);
  };

  return {
    mode: 'explicit',
    async prepare(request) {
      const taken = await take(request);
      if (!taken.ok) return taken;
      const { place, pair } = taken.value;
      const workload = workloadAt(pair, request, () => void held.delete(place));
      const warnings = request.role === 'sidecar' ? inertAnnotations(request) : [];
      if (request.role !== 'sidecar' || options.udpDestinations === undefined)
        return succeed(workload, warnings);
      const { namespace } = request;
      const destinations = await options.udpDestinations(namespace);
      const variables = udpEnvironment(destinations, { address: pair.proxy, namespace });
      return succeed({ ...workload, environment: { ...workload.environment, ...variables } }, warnings);
    },
    dispose: () => Promise.resolve(),
  };
}

function workloadAt(pair: LoopbackPair, { role }: CaptureRequest, release: () => void): CapturedWorkload {
  const hasProxy = role !== 'none';
  const own = hasProxy ? pair.application : pair.proxy;
  const environment: Record<string, string> = hasProxy
    ? { http_proxy: `http://${pair.proxy}:${outboundPort}` }
    : {};
  return {
    address: pair.proxy,
    applicationAddress: own,
    bindAddress: own,
    environment,
    wrapCommand: (command) => command,
    dispose: () => {
      release();
      return Promise.resolve();
    },
  };
}

function noAddress({ proxy }: LoopbackPair, outcome: BindOutcome): Result<never> {
  switch (outcome.kind) {
    case 'no-such-address':
      return refuse({
        code: 'no-loopback-address',
        message: `explicit capture gives every workload its own loopback address, and this system has no ${proxy}`,
        remedy: `add it (macOS: sudo ifconfig lo0 alias ${proxy}), or use transparent capture on Linux`,
      });
    case 'failed':
      return refuse({
        code: 'loopback-address-refused',
        message: `nothing can listen on ${proxy}: ${outcome.reason}`,
        remedy: 'use an unprivileged containerPort (1024 or higher), or start with the right to bind it',
      });
    case 'taken':
    case 'free':
      return refuse({
        code: 'no-free-loopback-address',
        message: `none of ${mostAttempts} loopback addresses from ${proxy} on is free`,
        remedy: 'stop the other mesh that uses them, or choose another state directory',
      });
  }
}
