// An agent of Istio as it speaks to its control plane: the same service for certificates, the same discovery, with its token; and an Envoy behind it that calls into the mesh.
import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from './support/free-port.ts';
import { fetchText } from './support/http.ts';
import { listAt, type Mesh, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';
import {
  askForCertificate,
  callMetadata,
  dial,
  ownTypes,
  type StockAgentOptions,
  startStockAgent,
} from './support/stock-agent.ts';
import { nodeOf, type StockAgentNode, startAgentsEnvoy } from './support/stock-agent-envoy.ts';
import { ownAddress } from './support/stock-envoy.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-'));
const issuer = 'https://kubernetes.default.svc.cluster.local';
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
let mesh: Mesh;
let discoveryAddress: string;

beforeAll(async () => {
  const keys = join(directory, 'keys.json');
  writeFileSync(keys, JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'cluster' }] }));
  mesh = await startMesh({
    paths: [repositoryFile('tests/e2e/apps/echo')],
    flags: ['--token-issuer', issuer, '--token-jwks', keys],
  });
  const run: unknown = JSON.parse(readFileSync(join(mesh.state, 'run/mesh.json'), 'utf8'));
  discoveryAddress = textAt(run, 'xds') ?? '';
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** As the kubelet projects it into a Pod. */
function agentOf(namespace: string, serviceAccount: string): StockAgentOptions {
  const now = Math.floor(Date.now() / 1_000);
  const claims = {
    ...{ aud: ['istio-ca'], exp: now + 43_200, iat: now, nbf: now, iss: issuer, jti: 'a7d1' },
    sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
    'kubernetes.io': {
      namespace,
      node: { name: 'node-1', uid: '1' },
      pod: { name: 'a', uid: '2' },
      serviceaccount: { name: serviceAccount, uid: '3' },
    },
  };
  const signed = `${encode({ alg: 'RS256', kid: 'cluster' })}.${encode(claims)}`;
  const token = `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
  return {
    ...{ discoveryAddress, token, namespace, serviceAccount },
    rootFile: join(mesh.state, 'ca/root-cert.pem'),
  };
}

describe('[AU-9] the certificate of a stock agent', () => {
  it.each([{ CertSigner: '' }, undefined])(
    'is given for its token and an RSA key: metadata %j',
    async (metadata) => {
      const answer = await askForCertificate(agentOf('default', 'billing'), metadata);
      if (!('certChain' in answer)) throw answer;
      const [leaf, ...issuers] = answer.certChain.map((text) => new X509Certificate(text));
      expect(leaf?.subjectAltName).toBe('URI:spiffe://cluster.local/ns/default/sa/billing');
      expect(leaf?.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2_048);
      expect(Date.parse(leaf?.validTo ?? '') - Date.now()).toBeGreaterThan(86_000_000);
      // Each is signed by the next, and the last is the root, which the agent trusts from then on.
      expect(issuers.length).toBeGreaterThan(0);
      [leaf, ...issuers].forEach((one, place) => {
        expect(one?.verify((issuers[place] ?? one).publicKey)).toBe(true);
      });
      expect(answer.certChain.at(-1)?.trim()).toBe(
        readFileSync(join(mesh.state, 'ca/root-cert.pem'), 'utf8').trim(),
      );
    },
  );

  it('is not given for another signer, another audience or another identity', async () => {
    const agent = agentOf('default', 'billing');
    expect(await askForCertificate(agent, { CertSigner: 'clusterissuers/other' })).toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    expect(await askForCertificate({ ...agent, token: `${agent.token}x` })).toMatchObject({
      code: status.UNAUTHENTICATED,
    });
    const own = await askForCertificate({ ...agent, serviceAccount: 'admin' });
    const [leaf = ''] = 'certChain' in own ? own.certChain : [];
    expect(new X509Certificate(leaf).subjectAltName).toBe('URI:spiffe://cluster.local/ns/default/sa/billing');
  });
});

const envoyTypes = ['cluster.v3.Cluster', 'listener.v3.Listener'].map(
  (name) => `type.googleapis.com/envoy.config.${name}`,
);
const asIs = (bytes: Buffer): Buffer => bytes;

/** Asks for these types, the agent's own among them, as agents do whose discovery is not delta; ends when all of `awaited` were answered. */
async function stateOfTheWorld(agent: StockAgentOptions, node: StockAgentNode, awaited: readonly string[]) {
  const client = dial(agent);
  const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
  const call = client.makeBidiStreamRequest(path, asIs, asIs, callMetadata(agent), {
    deadline: Date.now() + 30_000,
  });
  const counts = new Map<string, number>();
  const told = { id: node.id, cluster: node.cluster, metadata: JSON.parse(JSON.stringify(node.metadata)) };
  const send = (
    request: { typeUrl: string; responseNonce?: string; versionInfo?: string },
    isFirst = false,
  ) => {
    const message = create(DiscoveryRequestSchema, { ...request, ...(isFirst ? { node: told } : {}) });
    call.write(Buffer.from(toBinary(DiscoveryRequestSchema, message)));
  };
  const ending = new Promise<number>((resolve) => {
    call.on('error', (error) => resolve(Number(Reflect.get(error, 'code'))));
    call.on('data', (bytes: Buffer) => {
      const { typeUrl, nonce, versionInfo, resources } = fromBinary(DiscoveryResponseSchema, bytes);
      counts.set(typeUrl, resources.length);
      send({ typeUrl, versionInfo, responseNonce: nonce });
      if (awaited.every((type) => counts.has(type))) resolve(status.OK);
    });
    const types = [...envoyTypes, ...ownTypes];
    for (const typeUrl of types) send({ typeUrl }, typeUrl === types[0]);
  });
  const code = await ending;
  call.cancel();
  client.close();
  return { code, counts };
}

describe('[AU-9] discovery for a stock agent', () => {
  const facts = {
    role: 'sidecar',
    address: '10.244.0.17',
    serviceAccount: 'billing',
    app: 'billing',
  } as const;

  it('comes with its token, state of the world; what only agents ask for ends nothing', async () => {
    const node = nodeOf({ ...facts, namespace: 'default' });
    const { code, counts } = await stateOfTheWorld(agentOf('default', 'billing'), node, envoyTypes);
    expect(code).toBe(status.OK);
    for (const type of envoyTypes) expect(counts.get(type)).toBeGreaterThan(1);
    const known = listAt(await mesh.admin('/v1/proxies'), 'items').map((item) => textAt(item, 'client'));
    expect(known.length).toBeGreaterThan(0);
  });

  it('is refused to who says to be another, or shows no token', async () => {
    const agent = agentOf('default', 'billing');
    const elsewhere = nodeOf({ ...facts, namespace: 'istio-system' });
    const { code } = await stateOfTheWorld(agent, elsewhere, envoyTypes);
    expect(code).toBe(status.PERMISSION_DENIED);
    const nobody = { ...agent, token: 'none' };
    const refused = await stateOfTheWorld(nobody, nodeOf({ ...facts, namespace: 'default' }), envoyTypes);
    expect(refused.code).toBe(status.UNAUTHENTICATED);
  });
});

describe('[AU-9] an Envoy behind a stock agent', () => {
  it('becomes a gateway of the mesh and calls its workloads with mutual TLS', async () => {
    const port = await freePort();
    const applied = await mesh.apply(`apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: billing}
spec:
  selector: {istio: billing}
  servers: [{port: {number: ${port}, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: billing}
spec:
  hosts: ["*"]
  gateways: [billing]
  http: [{route: [{destination: {host: echo, port: {number: 80}}}]}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: echo}
spec:
  selector: {matchLabels: {app: echo}}
  rules: [{from: [{source: {principals: [cluster.local/ns/default/sa/billing]}}]}]
`);
    expect(applied.code, applied.stderr).toBe(0);
    const address = ownAddress();
    const agent = agentOf('default', 'billing');
    await using stock = await startStockAgent(agent, join(directory, 'agent.sock'));
    const node = nodeOf({
      role: 'router',
      address,
      namespace: 'default',
      serviceAccount: 'billing',
      app: 'billing',
    });
    await using envoy = startAgentsEnvoy(node, { socket: stock.socket, address, directory });
    const said = (): string => `${stock.endings.join('\n')}\n${envoy.log()}`;
    await until('it is live', async () => (await envoy.admin('/ready')).trim() === 'LIVE', 30_000).catch(
      (error) => Promise.reject(new Error(`${error}\n${said()}`)),
    );
    const answer = await until(
      `a call goes through\n${said()}`,
      async () => {
        const got = await fetchText({ url: `http://127.0.0.1:${port}/` });
        return got.status === 200 && got;
      },
      30_000,
    ).catch((error) => Promise.reject(new Error(`${error}\n${said()}`)));
    expect(JSON.stringify(answer.body)).toContain('spiffe://cluster.local/ns/default/sa/billing');
    expect(stock.endings).toEqual([]);
    for (const type of envoyTypes) expect(stock.answered).toContain(type);
    const stats = await envoy.admin('/stats?filter=(update_rejected|ssl.handshake)&usedonly');
    expect(stats).not.toMatch(/update_rejected: [1-9]/);
    expect(stats).toMatch(/outbound.*echo.*ssl\.handshake: [1-9]/);
  }, 120_000);
});
