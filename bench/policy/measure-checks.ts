// Checks at each door, warm and cold: how long one takes at a steady pace, and how many one core of the service answers.
import { Agent, request } from 'node:http';
import { credentials } from '@grpc/grpc-js';
import { proxyProtocol } from '@xebec/policy';
import { createPolicyClient, type PolicyClient } from '@xebec/policy-client';
import type { Identity } from '../envoys/identities.ts';
import { type Ask, askAtOnce, askSteadily } from './ask-load.ts';
import { jsonMessage, ownAttributes, ownMessage, proxyMessage, userOf } from './check-messages.ts';
import type { PolicyServiceProcess } from './policy-mesh.ts';
import { openRawGrpc, type RawGrpc } from './raw-grpc.ts';
import { readCounts } from './service-counts.ts';

export interface CheckResult {
  readonly name: string;
  readonly calls: number;
  readonly failures: number;
  /** Calls that reached the service, by its own count. */
  readonly served: number;
  /** At the steady pace. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the service, in cores, for 1,000 calls a second. */
  readonly coresPerThousand: number;
  /** As fast as answers come: calls that one core of the service would answer a second; undefined: it had nothing to do. */
  readonly callsPerCore?: number;
  readonly atOncePerSecond: number;
}

export interface CheckRun {
  readonly service: PolicyServiceProcess;
  readonly program: Identity;
  readonly proxy: Identity;
  /** Of each of the two loads of a door. */
  readonly seconds: number;
  readonly perSecond: number;
  readonly onProgress: (what: string) => void;
}

interface Door {
  readonly name: string;
  readonly ask: Ask;
  /** Labels of `xebec_policy_calls_total`. */
  readonly labels: readonly string[];
}

const authorizationPath = '/envoy.service.auth.v3.Authorization/Check';
const ownPath = '/xebec.policy.v1.Policy/Check';

/** One of five is new, the others were asked before. */
const newEvery = 5;
const knownUsers = 50;

export async function measureChecks(run: CheckRun): Promise<readonly CheckResult[]> {
  const { service } = run;
  const own = openRawGrpc(service.grpc, run.program);
  const proxy = openRawGrpc(service.grpc, run.proxy, proxyProtocol);
  const client = newClient(service, run.program);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  try {
    const results: CheckResult[] = [];
    for (const door of doorsOf({ own, proxy, client, agent, http: service.http })) {
      run.onProgress(`policy: checks, ${door.name}`);
      results.push(await measureDoor(door, run));
    }
    return results;
  } finally {
    own.close();
    proxy.close();
    agent.destroy();
    await client.close();
  }
}

const newClient = ({ grpc }: PolicyServiceProcess, identity: Identity): PolicyClient => {
  const [roots, key, chain] = [identity.rootsPem, identity.privateKeyPem, identity.certificatesPem].map(
    (pem) => Buffer.from(pem),
  );
  return createPolicyClient({
    address: grpc,
    credentials: credentials.createSsl(roots, key, chain, { checkServerIdentity: () => undefined }),
    timeoutMs: 10_000,
  });
};

interface Clients {
  readonly own: RawGrpc;
  readonly proxy: RawGrpc;
  readonly client: PolicyClient;
  readonly agent: Agent;
  readonly http: string;
}

function doorsOf({ own, proxy, client, agent, http }: Clients): readonly Door[] {
  const side = { 'xebec-workload': 'bench/asked', 'xebec-direction': 'inbound' };
  let isNew = 0;
  const askClient = async (user: string): Promise<void> => {
    const { isAllowed, from, message } = await client.check(ownAttributes(user));
    if (!isAllowed || from === 'fallback') throw new Error(message);
  };
  const program = ['door="grpc"', 'method="Check"'];
  return [
    { name: 'client, cold', labels: program, ask: () => askClient(`cold-${isNew++}`) },
    {
      name: 'client, 80 % warm',
      labels: program,
      ask: (call) => askClient(call % newEvery === 0 ? `mixed-${isNew++}` : userOf(call % knownUsers)),
    },
    { name: 'client, warm', labels: program, ask: () => askClient(userOf(0)) },
    { name: 'gRPC, cold', labels: program, ask: () => own.call(ownPath, ownMessage(`raw-${isNew++}`)) },
    {
      name: 'HTTP/JSON, cold',
      labels: ['door="http"'],
      ask: () => askJson(http, agent, jsonMessage(`json-${isNew++}`)),
    },
    {
      name: 'ext_authz (proxies)',
      labels: ['door="ext-authz"'],
      ask: () => proxy.call(authorizationPath, proxyMessage(`proxy-${isNew++}`), side),
    },
  ];
}

function askJson(address: string, agent: Agent, body: string): Promise<void> {
  const [host = '', port = ''] = address.split(':');
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const asked = request(
      { ...{ host, port: Number(port), path: '/v1/check', method: 'POST' }, agent, headers, timeout: 20_000 },
      (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 200
            ? resolve()
            : reject(new Error(`the service answered ${response.statusCode}`)),
        );
      },
    );
    asked.on('error', reject);
    asked.on('timeout', () => asked.destroy(new Error('the service did not answer')));
    asked.end(body);
  });
}

const warmUpSeconds = 0.5;

async function measureDoor({ name, ask, labels }: Door, run: CheckRun): Promise<CheckResult> {
  const { service, seconds, perSecond } = run;
  const cpu = (): number => service.usage().cpuSeconds;
  const served = async (): Promise<number> =>
    (await readCounts(service.http)).sum('xebec_policy_calls_total', ...labels);
  await askAtOnce(ask, warmUpSeconds);
  const before = await served();
  const idle = cpu();
  const steady = await askSteadily(ask, seconds, perSecond);
  const worked = cpu() - idle;
  const reached = (await served()) - before;
  const idleAgain = cpu();
  const atOnce = await askAtOnce(ask, seconds);
  const busy = cpu() - idleAgain;
  const isServed = reached > 0;
  return {
    ...{ name, calls: steady.calls, failures: steady.failures + atOnce.failures, served: reached },
    perSecond: steady.calls / steady.seconds,
    p50Ms: steady.delaysMs.p50,
    p99Ms: steady.delaysMs.p99,
    coresPerThousand: (worked / steady.calls) * 1_000,
    ...(isServed ? { callsPerCore: atOnce.calls / busy } : {}),
    atOncePerSecond: atOnce.calls / atOnce.seconds,
  };
}
