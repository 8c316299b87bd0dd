// The policy service of a mesh: started with the first object that is for one, or at once when asked for. Meshes without such objects have no process of it.
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostAddressOf } from '@xebec/netfilter';
import type { Cli } from '../cli.ts';
import type { UpOptions } from '../commands/up.ts';
import { controlSocket } from '../state/state-directory.ts';
import type { Running } from './hold-mesh.ts';
import { type PartOptions, startPolicyService } from './parts.ts';
import { type MeshPlan, ownHost } from './plan.ts';

/** Kinds that a policy service reads; an object of one of them makes it start. */
const wantedKinds = [
  'rule',
  'handler',
  'instance',
  'QuotaSpec',
  'QuotaSpecBinding',
  'QuotaPool',
  'QuotaPlan',
  'HTTPAPISpec',
  'HTTPAPISpecBinding',
];

const grpcPort = 15_004;
const httpPort = 9_091;
const retryMs = 2_000;
/** For the agent to have made the workloads' network. */
const networkWaitMs = 15_000;
const networkStepMs = 100;

export interface PolicyServiceNeed extends Omit<PartOptions, 'onRestart'> {
  readonly running: Running;
  readonly plan: MeshPlan;
  readonly up: UpOptions;
}

/** Until disposed; what it has started stays among the parts. */
export function startPolicyServiceWhenNeeded(cli: Cli, need: PolicyServiceNeed): Disposable {
  const stop = new AbortController();
  const start = (): void => {
    if (stop.signal.aborted) return;
    stop.abort();
    void begin(cli, need);
  };
  if (need.up.policy === true) start();
  else watchFor(controlSocket(need.state), stop.signal, start);
  return { [Symbol.dispose]: () => stop.abort() };
}

async function begin(cli: Cli, { running, plan, up, state, guard }: PolicyServiceNeed): Promise<void> {
  const host = await hostForProxies(up, state);
  const [listen, http] = [`${host}:${grpcPort}`, `${ownHost}:${httpPort}`];
  if (running.isStopping === true) return;
  const { onRestart } = running;
  running.parts.push(startPolicyService(cli, plan, { state, guard, onRestart, up, listen, http }));
}

/** Proxies in network namespaces do not reach the machine's loopback addresses, but its address in their network. */
async function hostForProxies({ capture }: UpOptions, state: string): Promise<string> {
  const isPerhapsTransparent = capture !== 'explicit' && process.getuid?.() === 0;
  const deadline = performance.now() + (isPerhapsTransparent ? networkWaitMs : 0);
  for (;;) {
    const found = hostAddressOf(state);
    if (found !== undefined || performance.now() >= deadline) return found ?? ownHost;
    await sleep(networkStepMs);
  }
}

/** Follows the control plane's objects over any number of connections, and says when the first comes. */
function watchFor(socketPath: string, signal: AbortSignal, onObject: () => void): void {
  if (signal.aborted) return;
  const again = (): void => void setTimeout(() => watchFor(socketPath, signal, onObject), retryMs).unref();
  const path = `/v1/watch?kind=${wantedKinds.join(',')}`;
  const outgoing = request({ socketPath, path, agent: false, signal }, (response) => {
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      if (lines.some((line) => line.startsWith('{"type":"set"'))) onObject();
    });
    response.on('error', () => undefined);
    response.on('close', again);
  });
  outgoing.on('error', again);
  outgoing.end();
}
