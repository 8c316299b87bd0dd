// Policies as real Envoy enforces them and as `xebec authz check` reads them: random ones agree on random calls, every time.
import { createServer, type Server } from 'node:net';
import type { Authorization } from '@xebec/model';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isSigned } from '../../apps/control-plane/src/authorization/token-signature.ts';
import { enrol, openTestAuthority, temporaryDirectory } from '../../packages/ca/src/testing/fixtures.ts';
import { type ConfigMesh, createConfigMesh } from '../../packages/envoy/src/testing/config-mesh.ts';
import { proxyOf } from '../../packages/envoy/src/testing/proxies.ts';
import { normalizePath } from '../../packages/mesh/src/authorization-check/paths.ts';
import { type AuthorizationAnswer, checkCall, defaultSettings } from '../../packages/mesh/src/index.ts';
import { caseHeader, firstTcpPort, httpPorts } from './support/differential/case-options.ts';
import { type Dice, diceOf } from './support/differential/dice.ts';
import { badToken, expectedOf } from './support/differential/expected.ts';
import {
  callHeader,
  extensionProviders,
  type Judge,
  judgeEntry,
  startJudge,
  verdictHeader,
} from './support/differential/judge.ts';
import { type RunningEnvoy, startEnvoy } from './support/differential/one-envoy.ts';
import {
  type Client,
  clientOf,
  identities,
  type Request,
  requestOf,
} from './support/differential/random-calls.ts';
import { policiesOf } from './support/differential/random-policies.ts';
import { requestAuthentication } from './support/differential/random-tokens.ts';
import { type ClientCredentials, isLetIn, RequestChannel } from './support/differential/send.ts';
import { trustDomain } from './support/differential/words.ts';
import { ownAddress } from './support/stock-envoy.ts';

/** Pairs of policies and calls in all; one in ten is of connections. */
const pairs = Number(process.env['XEBEC_DIFFERENTIAL_PAIRS'] ?? 1_500);
const seed = Number(process.env['XEBEC_DIFFERENTIAL_SEED'] ?? 2026);
/** Calls of one set of policies. */
const callsPerCase = 10;

const address = ownAddress();
const httpCases = Math.ceil((pairs * 0.9) / callsPerCase);
const tcpCases = Math.ceil((pairs * 0.1) / callsPerCase);
const directory = temporaryDirectory();
const credentials = new Map<string, ClientCredentials>();
let mesh: ConfigMesh;
let envoy: RunningEnvoy;
let upstream: Server;
let judge: Judge;

const podOf = (namespace: string, ports: readonly number[]) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'server', namespace, labels: { app: 'server' } },
  spec: {
    containers: [{ name: 'a', image: 'a', ports: ports.map((containerPort) => ({ containerPort })) }],
  },
  status: { phase: 'Running', podIP: address, conditions: [{ type: 'Ready', status: 'True' }] },
});

const serviceOf = (namespace: string, port: number) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'server', namespace },
  spec: { clusterIP: 'None', selector: { app: 'server' }, ports: [{ name: 'tcp', port }] },
});

const httpNamespace = (index: number): string => `http-${index}`;
const tcpNamespace = (index: number): string => `tcp-${index}`;

function documents(): readonly unknown[] {
  const dice = diceOf(seed);
  const numbers = httpPorts.map(([port]) => port);
  const http = Array.from({ length: httpCases }, (_, index) => [
    podOf(httpNamespace(index), numbers),
    ...policiesOf(dice, httpNamespace(index), [...numbers, 80]),
  ]);
  const tcp = Array.from({ length: tcpCases }, (_, index) => {
    const port = firstTcpPort + index;
    const namespace = tcpNamespace(index);
    return [podOf(namespace, [port]), serviceOf(namespace, port), ...policiesOf(dice, namespace, [port, 80])];
  });
  return [requestAuthentication, judgeEntry, ...[...http, ...tcp].flat()];
}

function authorizationIn(namespace: string): Authorization {
  const found = mesh.mesh.inbounds.get(namespace);
  if (found === undefined) throw new Error(`nobody in ${namespace}`);
  return found.authorization;
}

beforeAll(async () => {
  const authority = openTestAuthority(directory.path, { trustDomain });
  for (const identity of identities) {
    const { certificatesPem, privateKeyPem } = await enrol(authority, identity);
    credentials.set(identity, { certificatesPem, privateKeyPem });
  }
  const server = await enrol(authority, `spiffe://${trustDomain}/ns/default/sa/server`);
  mesh = createConfigMesh({ trustDomain, extensionProviders });
  judge = await startJudge();
  mesh.apply(
    documents()
      .map((document) => JSON.stringify(document))
      .join('\n---\n'),
  );
  const namespaces = [
    ...Array.from({ length: httpCases }, (_, index) => httpNamespace(index)),
    ...Array.from({ length: tcpCases }, (_, index) => tcpNamespace(index)),
  ];
  const labels = { app: 'server' };
  mesh.connect(
    ...namespaces.map((namespace) => proxyOf({ id: namespace, namespace, name: 'server', address, labels })),
  );
  upstream = createServer((socket) => socket.on('error', () => undefined).end('hello'));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const bound = upstream.address();
  envoy = await startEnvoy({
    address,
    credentials: {
      certificatePem: server.certificatesPem,
      privateKeyPem: server.privateKeyPem,
      rootPem: authority.rootsPem.join('\n'),
    },
    authentication: mesh.mesh.inbounds.get(httpNamespace(0))?.authentication ?? [],
    http: Array.from({ length: httpCases }, (_, index) => authorizationIn(httpNamespace(index))),
    tcp: Array.from({ length: tcpCases }, (_, index) => authorizationIn(tcpNamespace(index))),
    judgePort: judge.port,
    upstream: { address: '127.0.0.1', port: typeof bound === 'object' ? (bound?.port ?? 0) : 0 },
  });
}, 300_000);

afterAll(async () => {
  upstream?.close();
  judge?.close();
  await envoy?.[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

function answerTo(client: Client, namespace: string, port: number, request?: Request): AuthorizationAnswer {
  const answer = checkCall(
    {
      ...(client.identity === undefined ? {} : { from: client.identity }),
      to: `server.${namespace}`,
      port,
      ip: client.ip,
      sni: client.sni,
      ...request,
    },
    {
      mesh: mesh.mesh,
      settings: { ...defaultSettings, trustDomain, pathNormalization: modeOf(port) },
      defaultNamespace: 'default',
      isRunning: true,
      isSigned,
    },
  );
  if (!answer.ok) throw new Error(JSON.stringify(answer.diagnostics));
  return answer.value;
}

const modeOf = (port: number) => httpPorts.find(([number]) => number === port)?.[1] ?? 'BASE';

const credentialsOf = ({ identity = '' }: Client): ClientCredentials | undefined => credentials.get(identity);

interface Disagreement {
  readonly namespace: string;
  readonly client: Client;
  readonly request?: Request;
  readonly expected: string;
  readonly actual: string;
}

/** Everything that it takes to see it again. */
function shown({ namespace, ...rest }: Disagreement): string {
  const policies = documents().filter(
    (each) =>
      typeof each === 'object' &&
      each !== null &&
      Reflect.get(each, 'kind') === 'AuthorizationPolicy' &&
      Reflect.get(Reflect.get(each, 'metadata'), 'namespace') === namespace,
  );
  return JSON.stringify({ seed, ...rest, policies });
}

async function checkHttpCase(dice: Dice, index: number): Promise<readonly Disagreement[]> {
  const namespace = httpNamespace(index);
  const found: Disagreement[] = [];
  for (let each = 0; each < 2; each++) {
    const client = clientOf(dice);
    const port = dice.pick(httpPorts)[0];
    const channel = new RequestChannel(client, { address, port }, credentialsOf(client));
    for (let call = 0; call < callsPerCase / 2; call++) {
      const made = requestOf(dice);
      const id = `${index}-${each}-${call}`;
      const request = { ...made, headers: [...made.headers, [callHeader, id] as const] };
      const verdict = request.headers.find(([name]) => name === verdictHeader)?.[1] ?? '';
      const answer = await channel.send(request, [caseHeader, String(index)]);
      const decided = expectedOf(answerTo(client, namespace, port, request), verdict);
      const beside = `${decided.isAsked ? 'asked' : 'unasked'} ${decided.marks.join(' / ')}`;
      const expected =
        decided.answer === '400'
          ? decided.answer
          : `${decided.answer} ${normalizePath(request.path, modeOf(port))} ${beside}`;
      const { status, headers } = answer ?? { status: 0, headers: new Map<string, string>() };
      const told = headers.get('x-seen-details') ?? '';
      const isBadToken = told.startsWith('jwt_authn_access_denied') && (status === 401 || status === 403);
      const details = isBadToken ? badToken : status === 403 ? `403 ${told}` : String(status);
      const marks = (await envoy.marksOf(id)) ?? ['nothing'];
      const isAsked = judge.asked.has(id) ? 'asked' : 'unasked';
      const actual =
        status === 400 ? details : `${details} ${headers.get('x-seen-path')} ${isAsked} ${marks.join(' / ')}`;
      if (actual !== expected) found.push({ namespace, client, request, expected, actual });
    }
    channel.close();
  }
  return found;
}

async function checkTcpCase(dice: Dice, index: number): Promise<readonly Disagreement[]> {
  const namespace = tcpNamespace(index);
  const port = firstTcpPort + index;
  const found: Disagreement[] = [];
  for (let call = 0; call < callsPerCase; call++) {
    const client = clientOf(dice);
    const isIn = await isLetIn(client, { address, port }, credentialsOf(client));
    const { decision } = answerTo(client, namespace, port);
    const actual = isIn === undefined ? 'silence' : isIn ? 'ALLOW' : 'DENY';
    if (actual !== decision) found.push({ namespace, client, expected: decision, actual });
  }
  return found;
}

/** Several cases at a time, each with choices of its own. */
async function checkAll(
  count: number,
  check: (dice: Dice, index: number) => Promise<readonly Disagreement[]>,
): Promise<readonly Disagreement[]> {
  const found: Disagreement[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++)
      found.push(...(await check(diceOf(seed * 1_000_003 + index), index)));
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return found;
}

const longest = 3;

it('[AU-7] requests are decided alike by Envoy and by the evaluator, by the same rule and for the same path; the same are asked about and noted down', async () => {
  const found = await checkAll(httpCases, checkHttpCase);
  expect(found.slice(0, longest).map(shown), `${found.length} disagreements`).toEqual([]);
}, 600_000);

it('[AU-7] connections are decided alike', async () => {
  const found = await checkAll(tcpCases, checkTcpCase);
  expect(found.slice(0, longest).map(shown), `${found.length} disagreements`).toEqual([]);
}, 600_000);
