// A walk around a mesh that runs: every port, every file, every process, every log; what is open, and what lies about.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDiscovery, types } from './support/discovery-client.ts';
import { fetchText } from './support/http.ts';
import { type Credentials, credentialsOf } from './support/identity.ts';
import { listeningPorts } from './support/listening.ts';
import {
  envoyPid,
  type Mesh,
  type Pod,
  pidOf,
  repositoryFile,
  startMesh,
  textAt,
  until,
} from './support/mesh.ts';
import { sendRaw } from './support/raw-http.ts';

let mesh: Mesh;
let record: unknown;
let client: Credentials;
let pods: readonly Pod[];
beforeAll(async () => {
  mesh = await startMesh({ paths: [repositoryFile('tests/e2e/apps/echo')] });
  record = JSON.parse(readFileSync(join(mesh.state, 'run/mesh.json'), 'utf8'));
  client = await credentialsOf(mesh, 'client');
  pods = await mesh.pods();
  const applied = await mesh.apply(configuration);
  expect(applied.code, applied.stderr).toBe(0);
}, 240_000);
afterAll(() => mesh?.stop());

const secretValue = 'the-word-that-nobody-may-read';
const configuration = `
apiVersion: v1
kind: Secret
metadata: { name: password, namespace: vault }
stringData: { password: ${secretValue} }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict, namespace: default }
spec: { mtls: { mode: STRICT } }
`;

const ours = (): readonly { name: string; pid: number }[] => [
  { name: 'control-plane', pid: pidOf(mesh, 'control-plane') },
  { name: 'agent', pid: pidOf(mesh, 'agent') },
  ...pods.map(({ name }) => ({ name, pid: envoyPid(mesh.state, name) })),
];
const metricsToken = (): string => readFileSync(join(mesh.state, 'run/metrics.token'), 'utf8').trim();

const paths = [
  '/',
  '/healthz',
  '/ready',
  '/healthz/ready',
  '/metrics',
  '/stats',
  '/stats/prometheus',
  '/config_dump',
  '/config_dump?include_eds',
  '/clusters',
  '/certs',
  '/listeners',
  '/server_info',
  '/memory',
  '/quitquitquit',
  '/logging',
  '/heap_dump',
  '/debug/pprof/',
  '/debug/configz',
  '/debug/syncz',
  '/debug/adsz',
  '/debug/registryz',
  '/debug/config_dump',
  '/json/version',
  '/v1/objects',
  '/v1/status',
  '/v1/tokens',
  '/v1/proxies',
  '/..%2f..%2fv1/objects',
  '//metrics',
  '/metrics/',
];
const isHealth = (path: string): boolean => /^\/(healthz|ready|healthz\/ready)$/.test(path);

describe('[RELIABILITY B18] every port', () => {
  it('of the control plane and the agent tells who comes without credentials that it lives, and no more', async () => {
    const parts = ours().slice(0, 2);
    const ports = listeningPorts(parts.map(({ pid }) => pid));
    const [xds, http] = ['xds', 'http'].map((name) => Number(textAt(record, name)?.split(':')[1]));
    expect(ports.map(({ port }) => port).sort()).toEqual([xds, http].sort());
    expect(new Set(ports.map(({ host }) => host))).toEqual(new Set(['127.0.0.1']));
    for (const path of paths) {
      const { status, body } = await fetchText({ url: `http://127.0.0.1:${http}${path}` });
      expect([path, status]).toEqual([
        path,
        isHealth(path) && path !== '/healthz/ready' ? 200 : path === '/metrics' ? 401 : 404,
      ]);
      expect(body.length).toBeLessThan(200);
    }
    // The other one speaks TLS only.
    expect(
      await sendRaw({
        to: `127.0.0.1:${xds}`,
        text: 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
      }),
    ).not.toMatch(/HTTP|xebec/i);
  });

  it('of a proxy gives nobody its admin pages, nor metrics without the token', async () => {
    for (const { name, pid } of ours().slice(2)) {
      for (const { host, port } of listeningPorts([pid])) {
        expect(host, `${name} ${port}`).not.toBe('0.0.0.0');
        for (const path of paths) {
          const { status, body } = await fetchText({ url: `http://${host}:${port}${path}` }).catch(() => ({
            status: 0,
            body: '',
          }));
          const place = `${name} ${host}:${port}${path} ${status}`;
          expect(body, place).not.toMatch(/PRIVATE KEY|envoy\.admin|# TYPE|"@type"|cds\.update_success/);
          if (port === 15_020) expect(status, place).toBe(path === '/stats/prometheus' ? 401 : 404);
          if (port === 15_021) expect(status, place).toBe(path === '/healthz/ready' ? 200 : 404);
        }
      }
    }
  });

  it('of metrics opens with the token, and with no other', async () => {
    const [pod] = pods.filter(({ name }) => name.startsWith('echo'));
    const pages = [`http://${textAt(record, 'http')}/metrics`, `http://${pod?.ip}:15020/stats/prometheus`];
    for (const url of pages) {
      const statusWith = async (authorization: string) =>
        (await fetchText({ url, headers: { authorization } })).status;
      expect(await statusWith(`Bearer ${metricsToken()}`)).toBe(200);
      for (const wrong of [`Bearer ${metricsToken()}x`, 'Bearer', `Basic ${metricsToken()}`]) {
        expect(await statusWith(wrong)).toBe(401);
      }
    }
    expect((await mesh.xebec(['metrics', 'echo'])).stdout).toContain('istio_');
    expect((await mesh.xebec(['metrics', 'control-plane'])).stdout).toContain('xebec_epoch');
  });

  it('of metrics and health cuts off who is slow or says too much', async () => {
    const [pod] = pods.filter(({ name }) => name.startsWith('echo'));
    const headers = { 'x-large': 'a'.repeat(40_000) };
    const url = `http://${pod?.ip}:15021/healthz/ready`;
    expect((await fetchText({ url, headers })).status).toBe(431);
    const large = await fetchText({ url: `http://${textAt(record, 'http')}/healthz`, headers }).catch(
      () => undefined,
    );
    expect(large?.status ?? 431).toBe(431);
    const startedAt = performance.now();
    const slow = { text: 'GET /healthz HTTP/1.1\r\nhost: a\r\n', timeoutMs: 25_000 };
    await Promise.all(
      [textAt(record, 'http') ?? '', `${pod?.ip}:15020`, `${pod?.ip}:15021`].map((to) =>
        sendRaw({ to, ...slow }),
      ),
    );
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  }, 60_000);
});

describe('[RELIABILITY B27] [RELIABILITY B18] what lies about', () => {
  const walk = (directory: string): readonly string[] =>
    readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? [path, ...walk(path)] : [path];
    });

  it('is for its owner only, and holds no key outside the authority', () => {
    const found = walk(mesh.state);
    const open = found.filter((path) => (statSync(path).mode & 0o077) !== 0);
    expect(open).toEqual([]);
    const withKeys = found
      .filter((path) => statSync(path).isFile() && readFileSync(path, 'latin1').includes('PRIVATE KEY'))
      .map((path) => path.slice(mesh.state.length + 1));
    expect(withKeys.filter((path) => !/^ca\//.test(path))).toEqual([]);
  });

  it('is in no environment and no command line', () => {
    for (const { name, pid } of ours()) {
      for (const file of ['environ', 'cmdline']) {
        const text = readFileSync(`/proc/${pid}/${file}`, 'latin1');
        expect(text.includes('PRIVATE KEY') || text.includes(metricsToken()), `${file} of ${name}`).toBe(
          false,
        );
      }
    }
  });

  it('is in no dump and no log', async () => {
    const outputs = await Promise.all([
      ...pods.map(({ name }) => mesh.xebec(['proxy-config', 'all', name, '-o', 'json'])),
      ...pods.map(({ name }) => mesh.xebec(['proxy-config', 'secret', name, '-o', 'yaml'])),
      mesh.xebec(['history', '--diff']),
      mesh.xebec(['proxy-status', '-o', 'json']),
      mesh.xebec(['get', 'all', '-A']),
      mesh.xebec(['logs', 'control-plane']),
      mesh.xebec(['logs', 'agent']),
    ]);
    const words = [secretValue, Buffer.from(secretValue).toString('base64'), 'PRIVATE KEY', metricsToken()];
    expect(outputs.map(({ stdout }) => stdout).join('')).toContain('vault/password');
    for (const { code, stdout } of outputs) {
      expect(code).toBe(0);
      expect(words.filter((word) => stdout.includes(word))).toEqual([]);
    }
  });

  it('cannot be had from a debugger: nobody starts one', async () => {
    for (const part of ['control-plane', 'agent'] as const) {
      const pid = pidOf(mesh, part);
      const before = listeningPorts([pid]).length;
      process.kill(pid, 'SIGUSR1');
      await until('it still answers', async () => (await mesh.xebec(['proxy-status'])).code === 0);
      expect(listeningPorts([pid])).toHaveLength(before);
      expect(pidOf(mesh, part)).toBe(pid);
    }
  });
});

describe('[RELIABILITY B28] TLS', () => {
  const handshake = (options: ConnectionOptions): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ rejectUnauthorized: false, servername: 'localhost', ...options }, () => {
        resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
        socket.destroy();
      });
      socket.setTimeout(5_000, () => socket.destroy(new Error('silence')));
      socket.on('error', () => resolve('refused'));
      socket.on('close', () => resolve('refused'));
    });
  const old = { minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' } as const;
  const at12 = (ciphers: string): ConnectionOptions => ({
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    ciphers: `${ciphers}:@SECLEVEL=0`,
  });
  const refused: readonly ConnectionOptions[] = [
    { ...old, maxVersion: 'TLSv1' },
    { ...old, maxVersion: 'TLSv1.1' },
    ...[
      'AES128-SHA',
      'AES256-SHA256',
      'AES128-GCM-SHA256',
      'AES256-GCM-SHA384',
      'DHE-RSA-AES128-GCM-SHA256',
      'ECDHE-ECDSA-AES128-SHA',
      'ECDHE-RSA-AES256-SHA384',
      'PSK-AES128-GCM-SHA256',
      'NULL-SHA256',
      'AECDH-AES128-SHA',
    ].map(at12),
  ];

  it.each(['discovery', 'a sidecar'])('of %s is 1.2 at least, with forward secrecy', async (door) => {
    const echo = pods.find(({ name }) => name.startsWith('echo'));
    const [host, port] = (textAt(record, 'xds') ?? '').split(':');
    const place =
      door === 'discovery'
        ? { host, port: Number(port) }
        : {
            host: echo?.ip,
            port: 8080,
            ALPNProtocols: ['istio'],
            cert: client.certificatesPem,
            key: client.privateKeyPem,
          };
    for (const options of refused)
      expect(await handshake({ ...place, ...options } as ConnectionOptions)).toBe('refused');
    expect(await handshake({ ...place, ...at12('ECDHE-ECDSA-AES128-GCM-SHA256') } as ConnectionOptions)).toBe(
      'TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256',
    );
    expect(await handshake({ ...place, minVersion: 'TLSv1.3' } as ConnectionOptions)).toMatch(/^TLSv1\.3/);
  });
});

describe('[RELIABILITY B22] a log', () => {
  it('has one line for each entry, whatever clients say', async () => {
    const node = {
      id: 'sidecar~127.127.1.1~probe.default~default.svc.cluster.local',
      metadata: { NAMESPACE: 'default', SERVICE_ACCOUNT: 'client\n2026-01-01T00:00:00.000Z forged line' },
    };
    using stream = openDiscovery({
      address: textAt(record, 'xds') ?? '',
      rootsPem: client.rootsPem,
      certificate: client,
      node,
    });
    await expect(stream.ask(types.cluster)).rejects.toThrow();
    const { stdout } = await mesh.xebec(['logs', 'control-plane']);
    expect(stdout.split('\n').filter((line) => /^2026-01-01T00:00:00\.000Z forged/.test(line))).toEqual([]);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .filter((line) => !/^(\d{4}-\d\d-\d\dT[\d:.]+Z|error:|warning:) /.test(line)),
    ).toEqual([]);
  });

  it('of requests stays one line each, for paths and agents with odd characters', async () => {
    const echo = await mesh.pod('echo');
    const proxy = `${(await mesh.pod('client')).ip}:15001`;
    const agent = 'odd"\t\\x0a forged';
    const answer = await fetchText({
      url: 'http://echo/log%0d%0aforged',
      proxy,
      headers: { 'user-agent': agent },
    });
    expect(answer.status).toBe(200);
    const lines = await until('it is logged', async () => {
      const { stdout } = await mesh.xebec(['logs', echo.name, '--access']);
      const found = stdout.split('\n').filter((line) => line.includes('forged'));
      return found.length > 0 && found;
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\[.*log%0d%0aforged/);
  });

  it('of requests stays one line each, whatever name a client asks for in its handshake', async () => {
    const echo = await mesh.pod('echo');
    const socket = connect({
      host: echo.ip,
      port: 8080,
      ca: client.rootsPem,
      cert: client.certificatesPem,
      key: client.privateKeyPem,
      servername: 'x.example\r\n[2026-01-01T00:00:00.000Z] "GET /forged-line',
      ALPNProtocols: ['istio-http/1.1'],
      checkServerIdentity: () => undefined,
    });
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      socket.on('secureConnect', () =>
        socket.write('GET /odd-name HTTP/1.1\r\nhost: echo\r\nconnection: close\r\n\r\n'),
      );
      socket.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      socket.on('error', (error) => resolve(String(error))).on('close', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 200/);
    const lines = await until('it is logged', async () => {
      const { stdout } = await mesh.xebec(['logs', echo.name, '--access']);
      const all = stdout.split('\n');
      return all.some((line) => line.includes('/odd-name')) && all;
    });
    expect(lines.filter((line) => line.startsWith('[2026-01-01T00:00:00.000Z]'))).toEqual([]);
    expect(lines.filter((line) => line !== '' && !line.startsWith('['))).toEqual([]);
  });
});

describe('[RELIABILITY B29] what fails says so in its code', () => {
  it.each<[number, readonly string[], string?]>([
    [1, ['apply', '-f', '-'], 'kind: Nothing\n'],
    [1, ['apply', '-f', 'http://127.0.0.1:1/a.yaml']],
    [1, ['apply', '-f', 'no-such-file.yaml']],
    [1, ['delete', 'virtualservice', 'nobody']],
    [1, ['get', 'nothings']],
    [1, ['get', 'virtualservice', 'nobody']],
    [1, ['rollback', '9999']],
    [1, ['history', '9999']],
    [1, ['metrics', 'nobody']],
    [1, ['logs', 'nobody']],
    [1, ['proxy-status', 'nobody']],
    [1, ['proxy-config', 'all', 'nobody']],
    [2, ['authz', 'check', '--to', 'nobody']],
    [2, ['nothing']],
    [2, ['get']],
    [2, ['up', '--capture', 'magic']],
    [2, ['apply', '-f', '-', '--wait=soon']],
  ])('%i: xebec %j', async (code, parameters, input) => {
    const run = await mesh.xebec(parameters, input === undefined ? {} : { input });
    expect([run.code, run.stderr], run.stdout).toEqual([code, expect.stringMatching(/\S/)]);
  });

  it.each<[number, string, string, string?]>([
    [404, 'GET', '/v1/nothing'],
    [404, 'GET', '/v1/history/9999'],
    [400, 'GET', '/v1/objects?kind=Nothing'],
    [400, 'POST', '/v1/apply', '{'],
    [422, 'POST', '/v1/apply', '{"documents": [{"file": "a", "text": "kind: ["}]}'],
    [404, 'POST', '/v1/delete', '{"keys": ["VirtualService/default/nobody"]}'],
    [422, 'POST', '/v1/tokens', '{"namespace": "a/b", "serviceAccount": "c"}'],
  ])('%i: %s %s', async (status, method, path, body) => {
    expect(await adminStatus(method, path, body)).toBe(status);
  });
});

function adminStatus(method: string, path: string, body?: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const call = request(
      { socketPath: join(mesh.state, 'run/control.sock'), method, path, headers },
      (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      },
    );
    call.on('error', reject).end(body);
  });
}
