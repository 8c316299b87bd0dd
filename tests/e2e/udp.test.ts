// UDP through both sidecars with explicit capture: encrypted, by identity, counted, and never an open proxy.
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationsOf } from './support/applications.ts';
import { fetchText } from './support/http.ts';
import { credentialsOf } from './support/identity.ts';
import { listAt, type Mesh, pidOf, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';
import { type Sample, scrape, sum } from './support/metrics.ts';
import { askOnce, udpClient } from './support/udp.ts';
import { openTunnel, startRelay } from './support/udp-tunnel.ts';

const clientId = 'spiffe://cluster.local/ns/default/sa/client';
const echoId = 'spiffe://cluster.local/ns/default/sa/echo';
const target = '/.well-known/masque/udp/application/1/';
const tunnelPort = 9001;

let mesh: Mesh;
let client: string;
let server: string;
let echo: string;
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/udp')] });
  client = (await mesh.pod('client')).ip;
  server = (await mesh.pod('echo')).ip;
  // Short sessions: metrics and log lines are made when a session ends.
  const short = 'connectionPool: {tcp: {idleTimeout: 1s}}';
  await apply(`${rule(short)}---\n${rule(short, 'outside')}`);
  echo = await placeOf('echo');
}, 240_000);
afterAll(async () => {
  await mesh?.stop();
});

const rule = (policy: string, host = 'echo'): string =>
  `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: ${host}}\nspec:\n  host: ${host}\n  trafficPolicy: {${policy}}\n`;
const strict =
  'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default}\nspec: {mtls: {mode: STRICT}}\n';

async function apply(yaml: string): Promise<void> {
  const { code, stderr } = await mesh.apply(yaml);
  expect([code, stderr]).toEqual([0, expect.anything()]);
}

/** Where the client's sidecar takes datagrams for a service. */
async function placeOf(name: string): Promise<string> {
  const services = listAt(await mesh.admin('/v1/udp?namespace=default'), 'items');
  const found = services.find((item) => textAt(item, 'name') === name);
  return `${client}:${String(Reflect.get(Object(found), 'explicitPort'))}`;
}

const logged = async (prefix: string, ...texts: readonly string[]): Promise<string> => {
  const file = join(mesh.state, 'logs', (await mesh.pod(prefix)).name, 'access.log');
  return until(`${prefix} logs ${texts.join()}`, async () =>
    readFileSync(file, 'utf8')
      .split('\n')
      .find((line) => texts.every((text) => line.includes(text))),
  );
};

describe('[DP-7] [BY-1] datagrams', () => {
  it('come back through both sidecars, 1,000 in a row', async () => {
    using socket = await udpClient(echo);
    const wrong: string[] = [];
    for (let i = 0; i < 1_000; i++) {
      const answer = (await socket.ask(`message ${i}`))?.toString();
      if (answer !== `message ${i}`) wrong.push(`${i}: ${answer}`);
    }
    expect(wrong).toEqual([]);
  });

  it('of every size up to 9,000 bytes pass whole; larger ones are dropped, and the session goes on', async () => {
    using socket = await udpClient(echo);
    for (const size of [1, 512, 1_200, 1_400, 1_472, 1_500, 4_096, 9_000]) {
      const sent = randomBytes(size);
      expect((await socket.ask(sent))?.equals(sent), `${size} bytes`).toBe(true);
    }
    expect(await socket.ask(randomBytes(9_001), 300)).toBeUndefined();
    expect((await socket.ask('after'))?.toString()).toBe('after');
  });

  it('share a port number with connections', async () => {
    const answer = await fetchText({ url: 'http://echo:9000/', proxy: `${client}:15001` });
    expect(answer.status).toBe(200);
  });

  it('are offered to applications by environment variables', async () => {
    const { body } = await fetchText({ url: `http://${client}:9001/` });
    expect(JSON.parse(body)).toMatchObject({ XEBEC_UDP_ECHO: echo, XEBEC_UDP_ECHO_9000: echo });
  });

  it('go in the clear to a workload without a sidecar', async () => {
    expect(await askOnce(await placeOf('outside'))).toMatch(/^outside-/);
    await logged('client', 'outbound-udp-plain|9000||outside.default.svc.cluster.local');
  });

  it('are one access log line a session, with the identities of both ends, at both ends', async () => {
    const line = await logged('client', 'UDP"', 'outbound-udp|9000||echo', server);
    expect(line).toContain(`"${clientId}" "${echoId}"`);
    expect(await logged('echo', 'inbound-udp|9001||')).toContain(`"${clientId}" "${echoId}"`);
  });

  it('are counted in sessions, bytes and datagrams by both ends', async () => {
    const principals = { source_principal: clientId, destination_principal: echoId };
    const labels = { ...principals, request_protocol: 'udp', connection_security_policy: 'mutual_tls' };
    const of = (samples: readonly Sample[], what: string, reporter: string): number =>
      sum(samples, `istio_udp_${what}_total`, { ...labels, reporter });
    await until('both have counted all sessions', async () => {
      const [source, destination] = [await scrape(client), await scrape(server)];
      return (
        of(source, 'sent_datagrams', 'source') === 1_009 &&
        of(source, 'received_datagrams', 'source') === 1_009 &&
        of(source, 'sessions_opened', 'source') === 2 &&
        of(source, 'sessions_closed', 'source') === 2 &&
        of(destination, 'sessions_opened', 'destination') === 2 &&
        of(destination, 'sessions_closed', 'destination') === 2 &&
        of(destination, 'received_bytes', 'destination') > 20_000 &&
        of(source, 'sent_bytes', 'source') === of(source, 'received_bytes', 'source') &&
        source.some(
          ({ name, labels, value }) =>
            name === 'envoy_udp_downstream_sess_total' &&
            labels['envoy_udp_prefix']?.startsWith('outbound-udp|9000||echo') &&
            value === 2,
        )
      );
    });
    const [sample] = (await scrape(server)).filter(({ name }) => name === 'istio_udp_sessions_closed_total');
    expect(sample?.labels).toMatchObject({
      source_workload: 'client',
      destination_workload: 'echo-v1',
      destination_service: 'echo.default.svc.cluster.local',
    });
  });
});

describe('[DP-7] [BY-1] between the sidecars', () => {
  it('there is nothing but mutual TLS', async () => {
    using relay = await startRelay('127.0.0.1', { host: server, port: tunnelPort });
    const bystander = createSocket('udp4');
    let overheard = 0;
    bystander.on('message', () => overheard++);
    await new Promise<void>((resolve) => bystander.bind(relay.port, '127.0.0.1', resolve));
    await apply(
      `apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: relayed}\nspec:\n  hosts: [relayed.test]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  ports: [{number: 9000, name: udp, protocol: UDP, targetPort: ${relay.port}}]\n  endpoints: [{address: 127.0.0.1, serviceAccount: echo, labels: {security.istio.io/tlsMode: istio}}]\n`,
    );
    const secret = randomBytes(400).toString('hex');
    expect(await askOnce(await placeOf('relayed.test'), secret)).toBe(secret);
    bystander.close();
    const bytes = relay.bytes();
    expect(bytes.length).toBeGreaterThan(2 * secret.length);
    expect([bytes.includes(secret.slice(0, 16)), overheard]).toEqual([false, 0]);
    // The first bytes are a TLS handshake.
    expect(bytes[0]).toBe(0x16);
    expect((await mesh.xebec(['delete', 'ServiceEntry', 'relayed'])).code).toBe(0);
  });

  it('a server of another identity than the expected one gets nothing', async () => {
    await apply(
      `apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: impostor}\nspec:\n  hosts: [impostor.test]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  ports: [{number: 9000, name: udp, protocol: UDP, targetPort: ${tunnelPort}}]\n  endpoints: [{address: ${server}, serviceAccount: someone, labels: {security.istio.io/tlsMode: istio}}]\n`,
    );
    expect(await askOnce(await placeOf('impostor.test'))).toBeUndefined();
    await logged('client', 'outbound-udp|9000||impostor.test', 'UF');
    expect((await mesh.xebec(['delete', 'ServiceEntry', 'impostor'])).code).toBe(0);
  });

  it('a tunnel leads to the application and nowhere else, whatever it is asked for', async () => {
    const credentials = await credentialsOf(mesh, 'client');
    const ask = (path: string, method: 'connect-udp' | 'connect' | 'GET' = 'connect-udp') =>
      openTunnel({ address: server, port: tunnelPort, path, method, credentials });
    expect(await ask(target)).toBe(200);
    for (const path of [
      '/.well-known/masque/udp/application/2/',
      '/.well-known/masque/udp/127.0.0.1/53/',
      '/.well-known/masque/udp/127.0.0.1/9001/',
      '/.well-known/masque/udp/application/1/../../127.0.0.1/53/',
      '/',
    ])
      expect(await ask(path), path).toBe(404);
    expect(await ask('127.0.0.1:22', 'connect')).not.toBe(200);
    expect(await ask(target, 'GET')).toBe(404);
  });
});

describe('[DP-7] [AU-10] a STRICT workload', () => {
  it('takes datagrams in the clear only before it is', async () => {
    expect(await askOnce(`${server}:9001`)).toMatch(/^echo-v1-/);
    await apply(strict);
    await until(
      'plain datagrams are refused',
      async () => (await askOnce(`${server}:9001`, 'who', 200)) === undefined,
    );
    expect(await askOnce(echo)).toMatch(/^echo-v1-/);
  });

  it('lets nobody in without an identity of the mesh', async () => {
    const { rootsPem } = await credentialsOf(mesh, 'client');
    expect(
      await openTunnel({ address: server, port: tunnelPort, path: target, credentials: { rootsPem } }),
    ).not.toBe(200);
  });
});

describe('[DP-7] while things change', () => {
  it('datagrams pass without the control plane', async () => {
    const pid = pidOf(mesh, 'control-plane');
    process.kill(pid, 'SIGSTOP');
    try {
      expect(await askOnce(echo)).toMatch(/^echo-v1-/);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  it('a session survives a restart of the server', async () => {
    using socket = await udpClient(echo);
    expect((await socket.ask('before'))?.toString()).toBe('before');
    const pid = async (): Promise<number> =>
      Number.parseInt(applicationsOf(await mesh.pods())[(await mesh.pod('echo')).name] ?? '', 10);
    const old = await pid();
    process.kill(old, 'SIGKILL');
    await until('it runs again', async () => ![old, Number.NaN].includes(await pid()), 30_000);
    await until('it answers', async () => (await socket.ask('after', 300))?.toString() === 'after', 30_000);
  });

  it('new sessions follow the endpoints, and each stays on one', async () => {
    const second = readFileSync(repositoryFile('tests/e2e/apps/udp/udp.yaml'), 'utf8')
      .split(/^---$/m)
      .find((text) => text.includes('name: echo-v1'))
      ?.replace('name: echo-v1', 'name: echo-v2');
    await apply(rule('connectionPool: {tcp: {idleTimeout: 1s}}, loadBalancer: {simple: ROUND_ROBIN}'));
    await apply(second ?? '');
    const whom = async (): Promise<string> => (await askOnce(echo, 'who', 500))?.slice(0, 7) ?? 'none';
    const seen = new Set<string>();
    await until(
      'both serve',
      async () => seen.add(await whom()).has('echo-v2') && seen.has('echo-v1'),
      60_000,
    );
    using socket = await udpClient(echo);
    const first = (await socket.ask('who'))?.toString();
    for (let i = 0; i < 50; i++) expect((await socket.ask('who'))?.toString()).toBe(first);
    expect((await mesh.xebec(['delete', 'Deployment', 'echo-v1'])).code).toBe(0);
    await until(
      'the first is gone',
      async () => !(await mesh.pods()).some(({ name }) => name.startsWith('echo-v1')),
      60_000,
    );
    await until('only the second serves', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, whom));
      return answers.every((answer) => answer === 'echo-v2');
    });
  });
});
