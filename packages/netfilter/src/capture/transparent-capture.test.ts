// Transparent capture on the real kernel with real Envoys: what unmodified programs send passes both proxies.
import {
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '@xebec/std';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { detectTransparentCapture } from '../capability/detect.ts';
import { findProgram, runCommand } from '../commands/run.ts';
import { meshNames } from '../namespaces/names.ts';
import { startTicksOf } from '../namespaces/record.ts';
import type { Backend } from '../rules/render.ts';
import { sidecarBootstrap } from '../testing/envoy-configuration.ts';
import { type RunningProgram, startProgram, until } from '../testing/processes.ts';
import { cleanUpStale } from './clean-up-stale.ts';
import { createTransparentCapture, type TransparentCaptureOptions } from './transparent-capture.ts';
import type { CapturedWorkload } from './workload.ts';

const capability = await detectTransparentCapture({ proxyPaths: [process.execPath] });
const openDirectory = mkdtempSync(join(tmpdir(), 'xebec-envoy-'));
const envoy = openToAll(process.env['ENVOY_PATH'] ?? findProgram('envoy'));
afterAll(() => rmSync(openDirectory, { recursive: true, force: true }));

/** Proxies run as a user of their own, which may not look into the home that a binary was installed in. */
function openToAll(program: string | undefined): string | undefined {
  if (program === undefined || !existsSync(program)) return undefined;
  chmodSync(openDirectory, 0o755);
  const copy = join(openDirectory, 'envoy');
  copyFileSync(program, copy, constants.COPYFILE_FICLONE);
  chmodSync(copy, 0o755);
  return copy;
}
const backends: Backend[] = [];
for (const backend of ['iptables', 'nftables'] as const)
  if ((await detectTransparentCapture({ backend })).available) backends.push(backend);
const whyNot = capability.available ? '' : `: skipped, ${capability.reason}`;
const withEnvoy = await detectTransparentCapture({ proxyPaths: [process.execPath, envoy ?? '/'] });
const whyNoEnvoy =
  envoy === undefined
    ? ': skipped, no Envoy (set ENVOY_PATH)'
    : withEnvoy.available
      ? ''
      : `: skipped, ${withEnvoy.reason}`;

let cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
});

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'xebec-netfilter-'));
  chmodSync(directory, 0o755);
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  return result.value;
}

async function open(options: Partial<TransparentCaptureOptions> = {}) {
  const stateDirectory = options.stateDirectory ?? temporaryDirectory();
  const capture = must(
    await createTransparentCapture({
      stateDirectory,
      resolve: () => Promise.resolve('unknown'),
      upstreams: [],
      ...options,
    }),
  );
  cleanups.push(() => capture.dispose());
  return { capture, stateDirectory };
}

async function start(command: readonly string[], ready: RegExp): Promise<RunningProgram> {
  const program = startProgram(command);
  cleanups.push(() => program[Symbol.asyncDispose]());
  await program.untilPrinted(ready);
  return program;
}

/** An HTTP server that says who it is, and to whom it spoke. */
function startApplication(workload: CapturedWorkload, text: string): Promise<RunningProgram> {
  const script = `
    require('node:http').createServer((request, response) => {
      response.end('${text} from ' + request.socket.remoteAddress);
    }).listen(8080, '${workload.bindAddress}', () => console.log('listening'));`;
  return start(workload.wrapCommand([process.execPath, '-e', script], 'app'), /listening/);
}

/** A stand-in for a proxy: says on which port a connection has arrived. */
function startStandIn(workload: CapturedWorkload): Promise<RunningProgram> {
  const script = `
    const { createServer } = require('node:net');
    let left = 2;
    for (const port of [15001, 15006])
      createServer((socket) => socket.on('error', () => {}).once('data', () =>
        socket.end('HTTP/1.1 200 OK\\r\\nconnection: close\\r\\n\\r\\nproxy ' + port)))
      .listen(port, '0.0.0.0', () => { if (--left === 0) console.log('listening'); });`;
  return start(workload.wrapCommand([process.execPath, '-e', script], 'proxy'), /listening/);
}

function startEnvoy(workload: CapturedWorkload): Promise<RunningProgram> {
  const configuration = join(temporaryDirectory(), 'envoy.json');
  writeFileSync(configuration, sidecarBootstrap());
  const command = [envoy ?? '', '-c', configuration, '--concurrency', '1', '--disable-hot-restart'];
  return start(workload.wrapCommand(command, 'proxy'), /starting workers/);
}

async function runIn(workload: CapturedWorkload, command: string[], role: 'app' | 'proxy' = 'app') {
  const { output, errors } = await runCommand(workload.wrapCommand(command, role));
  return output + errors;
}

const curl = (url: string): string[] => ['curl', '--silent', '--show-error', '--max-time', '5', url];

const fetchFrom = (url: string, localAddress: string): Promise<string> =>
  new Promise((resolve, reject) => {
    get(url, { localAddress, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve(body));
    }).on('error', reject);
  });

/** What a mesh of this state directory has left in the kernel and under /etc. */
async function remains(stateDirectory: string): Promise<string[]> {
  const { prefix, hostLink } = meshNames(stateDirectory);
  const namespaces = (await runCommand(['ip', 'netns', 'list'])).output.match(/^\S+/gm) ?? [];
  const links = (await runCommand(['ip', '-brief', 'link'])).output;
  const rules = (await runCommand(['ip', 'rule'])).output;
  const files = existsSync('/etc/netns') ? readdirSync('/etc/netns') : [];
  return [
    ...[...namespaces, ...files].filter((name) => name.startsWith(prefix)),
    ...(`${links}${rules}`.includes(hostLink) ? [hostLink] : []),
    ...(existsSync(join(stateDirectory, 'capture.json')) ? ['capture.json'] : []),
  ];
}

const hostRules = async (): Promise<string> => {
  const saved =
    findProgram('iptables-save') === undefined ? '' : (await runCommand(['iptables-save'])).output;
  return saved.replaceAll(/^#.*$/gm, '').replaceAll(/\[\d+:\d+\]/g, '');
};

describe.skipIf(!withEnvoy.available || envoy === undefined)(`real Envoys${whyNoEnvoy}`, () => {
  test.each(backends)('an unmodified client and server pass both proxies (%s)', async (backend) => {
    const { capture } = await open({ backend });
    const a = must(await capture.prepare({ namespace: 'default', name: 'client-0', role: 'sidecar' }));
    const b = must(await capture.prepare({ namespace: 'default', name: 'server-0', role: 'sidecar' }));
    await startApplication(b, 'hello');
    const [clientProxy, serverProxy] = await Promise.all([startEnvoy(a), startEnvoy(b)]);

    expect(await runIn(a, curl(`http://${b.address}:8080/`))).toBe('hello from 127.0.0.6');

    await clientProxy.untilPrinted(new RegExp(`virtualOutbound to=${b.address}:8080 via=${a.address}:`));
    await serverProxy.untilPrinted(new RegExp(`virtualInbound to=${b.address}:8080 via=127.0.0.6:`));
    expect(serverProxy.printed()).not.toContain('virtualOutbound to');
  });

  test.each(backends)('a proxy that calls its own workload goes through inbound (%s)', async (backend) => {
    const { capture } = await open({ backend });
    const a = must(await capture.prepare({ namespace: 'default', name: 'self-0', role: 'sidecar' }));
    await startApplication(a, 'myself');
    const proxy = await startEnvoy(a);
    expect(await runIn(a, curl(`http://${a.address}:8080/`), 'proxy')).toBe('myself from 127.0.0.6');
    await proxy.untilPrinted(new RegExp(`virtualInbound to=${a.address}:8080`));
  });

  test('a gateway in the host reaches workloads through their proxies, a probe around them', async () => {
    const { capture } = await open();
    const gateway = must(await capture.prepare({ namespace: 'ingress', name: 'gw-0', role: 'router' }));
    const b = must(await capture.prepare({ namespace: 'default', name: 'server-0', role: 'sidecar' }));
    await startApplication(b, 'hello');
    const proxy = await startEnvoy(b);
    const url = `http://${b.address}:8080/`;
    expect(await fetchFrom(url, gateway.probeSource)).toBe(`hello from ${gateway.probeSource}`);
    expect(proxy.printed()).not.toContain('virtualInbound to');
    expect(await fetchFrom(url, gateway.address)).toBe('hello from 127.0.0.6');
    await proxy.untilPrinted(/virtualInbound to/);
    expect(gateway.wrapCommand(['envoy'], 'proxy')).toEqual(['envoy']);
  });
});

describe.skipIf(!capability.available)(`namespaces${whyNot}`, () => {
  test.each(backends)('the rules send each connection where they say (%s)', async (backend) => {
    const { capture } = await open({ backend });
    const a = must(await capture.prepare({ namespace: 'default', name: 'a', role: 'sidecar' }));
    const b = must(
      await capture.prepare({
        namespace: 'default',
        name: 'b',
        role: 'sidecar',
        annotations: {
          'traffic.sidecar.istio.io/excludeInboundPorts': '8080',
          'traffic.sidecar.istio.io/excludeOutboundPorts': '8080',
        },
      }),
    );
    await Promise.all([startApplication(a, 'a'), startApplication(b, 'b'), startStandIn(a), startStandIn(b)]);
    const inA = (host: string, role: 'app' | 'proxy' = 'app') => runIn(a, curl(`http://${host}:8080/`), role);

    expect(await inA('192.0.2.1')).toBe('proxy 15001');
    expect(await inA('127.0.0.1')).toBe('a from 127.0.0.1');
    expect(await inA(a.address)).toBe(`a from ${a.address}`);
    expect(await inA(a.address, 'proxy')).toBe('proxy 15006');
    expect(await inA('127.0.0.1', 'proxy')).toBe('a from 127.0.0.1');
    expect(await inA(b.address, 'proxy')).toBe(`b from ${a.address}`);
    expect(await runIn(b, curl(`http://${a.address}:8080/`))).toBe('proxy 15006');
    expect(await runIn(a, ['id', '-u'], 'proxy')).toBe('1337\n');
    const nowhere = await runIn(a, curl('http://192.0.2.77:81/'), 'proxy');
    expect(nowhere, 'refused at once').toMatch(/connect to 192.0.2.77/);
    expect(nowhere).not.toMatch(/time/);
  });

  test('a workload without a proxy is not captured, and applications may run as somebody else', async () => {
    const { capture } = await open({ applicationUser: { uid: 65_534, gid: 65_534 } });
    const a = must(await capture.prepare({ namespace: 'default', name: 'a', role: 'none' }));
    const b = must(await capture.prepare({ namespace: 'default', name: 'b', role: 'none' }));
    await startApplication(b, 'plain');
    expect(await runIn(a, curl(`http://${b.address}:8080/`))).toBe(`plain from ${a.address}`);
    expect(await runIn(a, ['id', '-u'])).toBe('65534\n');
    expect(a.proxyOwner).toBeUndefined();
    const refused = await createTransparentCapture({
      stateDirectory: temporaryDirectory(),
      resolve: () => Promise.resolve('unknown'),
      applicationUser: { uid: 1337, gid: 1337 },
    });
    expect(refused).toMatchObject({ ok: false, diagnostics: [{ code: 'proxy-user-refused' }] });
  });

  test('a proxy reaches sockets that the agent has given to its user', async () => {
    const { capture } = await open();
    const a = must(await capture.prepare({ namespace: 'default', name: 'a', role: 'sidecar' }));
    const path = join(temporaryDirectory(), 'xds.sock');
    const server = createServer((_request, response) => response.end('agent'));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    cleanups.push(() => server.close());
    chmodSync(path, 0o600);
    const ask = [
      'curl',
      '--silent',
      '--show-error',
      '--max-time',
      '5',
      '--unix-socket',
      path,
      'http://agent/',
    ];
    expect(await runIn(a, ask, 'proxy')).not.toBe('agent');
    chownSync(path, a.proxyOwner?.uid ?? 0, a.proxyOwner?.gid ?? 0);
    expect(await runIn(a, ask, 'proxy')).toBe('agent');
  });

  test('programs resolve the names of their own namespace', async () => {
    const hosts: Readonly<Record<string, string>> = {
      'reviews.shop.svc.cluster.local': '240.240.0.1',
      'reviews.other.svc.cluster.local': '240.240.0.2',
    };
    const { capture } = await open({
      resolve: (host) => Promise.resolve(hosts[host] === undefined ? 'unknown' : [hosts[host]]),
    });
    const a = must(await capture.prepare({ namespace: 'shop', name: 'a', role: 'sidecar' }));
    const resolved = await runIn(a, [
      'sh',
      '-c',
      'for n in reviews reviews.shop reviews.other.svc reviews.other.svc.cluster.local nobody; do getent hosts $n || echo none; done',
    ]);
    expect(resolved.match(/^\S+/gm)).toEqual([
      '240.240.0.1',
      '240.240.0.1',
      '240.240.0.2',
      '240.240.0.2',
      'none',
    ]);
    // Node asks with its own resolver here: over UDP, and to whatever server it is told.
    const script =
      "const d = new (require('node:dns').promises.Resolver)(); d.setServers(['203.0.113.9']); d.resolve4('reviews.other').then(console.log)";
    expect(await runIn(a, [process.execPath, '-e', script])).toContain('240.240.0.2');
    expect(await runIn(a, ['getent', 'hosts', 'reviews.shop.svc.cluster.local'], 'proxy')).toBe('');
  });

  test('disposal leaves nothing, and ends what still runs inside', async () => {
    const before = await hostRules();
    const { capture, stateDirectory } = await open();
    const a = must(await capture.prepare({ namespace: 'default', name: 'a', role: 'sidecar' }));
    const b = must(await capture.prepare({ namespace: 'default', name: 'b', role: 'sidecar' }));
    must(await capture.prepare({ namespace: 'default', name: 'gw', role: 'router' }));
    const left = startProgram(a.wrapCommand(['sleep', '600'], 'app'));
    await until(async () => (await runIn(a, ['pidof', 'sleep'])).includes(`${left.child.pid}`), 'it runs');
    await a.dispose();
    await until(() => left.child.signalCode === 'SIGKILL', 'what still ran was ended');
    expect((await remains(stateDirectory)).filter((name) => name.endsWith('-a'))).toEqual([]);
    const again = must(await capture.prepare({ namespace: 'default', name: 'a', role: 'sidecar' }));
    expect(again.address).toBe(a.address);
    expect(await remains(stateDirectory)).not.toEqual([]);
    await capture.dispose();
    await b.dispose();
    expect(await remains(stateDirectory)).toEqual([]);
    expect(await hostRules()).toBe(before);
    expect(await capture.prepare({ namespace: 'default', name: 'late', role: 'sidecar' })).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'capture-closed' }],
    });
    expect(await remains(stateDirectory)).toEqual([]);
  });

  test('two meshes at a time keep apart, and one state directory serves one', async () => {
    const [first, second] = await Promise.all([open(), open()]);
    expect(first.capture.hostAddress).not.toBe(second.capture.hostAddress);
    const workload = { namespace: 'default', name: 'a', role: 'sidecar' } as const;
    const [a, b] = await Promise.all([first.capture.prepare(workload), second.capture.prepare(workload)]);
    expect(must(a).address).not.toBe(must(b).address);
    const third = await createTransparentCapture({
      stateDirectory: first.stateDirectory,
      resolve: () => Promise.resolve('unknown'),
    });
    expect(third).toMatchObject({ ok: false, diagnostics: [{ code: 'capture-in-use' }] });
    expect(await cleanUpStale(first.stateDirectory)).toMatchObject({ ok: false });
    await first.capture.dispose();
    expect(await runIn(must(b), ['id', '-u'])).toBe('0\n');
  });

  test('many prepared at once have addresses of their own; a refused one leaves nothing', async () => {
    const { capture, stateDirectory } = await open();
    const names = ['a', 'b', 'c', 'd'];
    const prepared = await Promise.all(
      names.map((name) => capture.prepare({ namespace: 'default', name, role: 'sidecar' })),
    );
    expect(new Set(prepared.map((result) => must(result).address)).size).toBe(names.length);
    const annotations = { 'traffic.sidecar.istio.io/excludeInboundPorts': 'http' };
    const refused = await capture.prepare({ namespace: 'default', name: 'e', role: 'sidecar', annotations });
    expect(refused).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'invalid-capture-rule', origin: { object: 'Pod/default/e' } }],
    });
    expect((await remains(stateDirectory)).filter((name) => name.endsWith('-e'))).toEqual([]);
  });

  test('what a killed run has left is removed by the next', async () => {
    const stateDirectory = temporaryDirectory();
    const source = new URL('../index.ts', import.meta.url).pathname;
    const script = `
      import { spawn } from 'node:child_process';
      const { createTransparentCapture } = await import(${JSON.stringify(source)});
      const capture = (await createTransparentCapture({
        stateDirectory: ${JSON.stringify(stateDirectory)}, upstreams: [], resolve: async () => 'unknown' })).value;
      const a = (await capture.prepare({ namespace: 'default', name: 'a', role: 'sidecar' })).value;
      const [program, ...flags] = a.wrapCommand(['sleep', '600'], 'proxy');
      console.log('orphan ' + spawn(program, flags, { stdio: 'ignore' }).pid);`;
    const command = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', script];
    const killed = startProgram(command);
    cleanups.push(
      () => killed[Symbol.asyncDispose](),
      () => cleanUpStale(stateDirectory),
    );
    await killed.untilPrinted(/orphan \d+/);
    const orphan = Number(/orphan (\d+)/.exec(killed.printed())?.[1]);
    expect(await cleanUpStale(stateDirectory)).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'capture-in-use' }],
    });
    await killed[Symbol.asyncDispose]();
    expect(await remains(stateDirectory)).not.toEqual([]);

    expect(await cleanUpStale(stateDirectory)).toMatchObject({ ok: true });
    expect(await remains(stateDirectory)).toEqual([]);
    expect(startTicksOf(orphan)).toBeUndefined();
    expect(await cleanUpStale(stateDirectory)).toMatchObject({ ok: true });
  });

  test('a deleted state directory does not keep its namespaces', async () => {
    const { capture, stateDirectory } = await open();
    must(await capture.prepare({ namespace: 'default', name: 'a', role: 'sidecar' }));
    rmSync(join(stateDirectory, 'capture.json'));
    expect(await cleanUpStale(stateDirectory)).toMatchObject({ ok: true });
    expect(await remains(stateDirectory)).toEqual([]);
  });
});

test.skipIf(!capability.available)(`a place that is closed to proxies is named${whyNot}`, async () => {
  const directory = temporaryDirectory();
  const closed = join(directory, 'closed');
  mkdirSync(join(closed, 'state'), { recursive: true });
  chmodSync(closed, 0o700);
  const proxyPaths = [process.execPath, join(closed, 'state')];
  const answer = await detectTransparentCapture({ proxyPaths });
  expect(answer).toMatchObject({ available: false, reason: expect.stringContaining(`${closed} is closed`) });
  chmodSync(closed, 0o711);
  expect(await detectTransparentCapture({ proxyPaths })).toMatchObject({ available: true });
});

test('what cannot work says why', async () => {
  const run = () => Promise.resolve({ code: 1, output: '', errors: 'Operation not permitted' });
  const answer = await detectTransparentCapture({ run });
  expect(answer).toMatchObject({ available: false });
  expect(answer.available ? '' : answer.reason).not.toBe('');
});

test.skipIf(!capability.available)(`without privilege it is not tried${whyNot}`, async () => {
  const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
  const source = new URL('../capability/detect.ts', import.meta.url).pathname;
  const canRead = (await runCommand([...asNobody, 'test', '-r', source])).code === 0;
  if (!canRead) return;
  const script = `console.log(await (await import(${JSON.stringify(source)})).detectTransparentCapture())`;
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', script];
  const { output, errors } = await runCommand([...asNobody, ...node]);
  expect(output + errors).toContain('neither root nor CAP_NET_ADMIN');
});
