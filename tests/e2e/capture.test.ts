// What a Pod's annotations say of capture holds on real Envoys: who is seen by the application, and what each proxy logs.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationsOf } from './support/applications.ts';
import { at, listAt, type Mesh, type Pod, repositoryFile, startMesh, textAt, until } from './support/mesh.ts';
import { transparentCaptureReason } from './support/privilege.ts';

const reason = await transparentCaptureReason();
const title = `capture by annotations${reason === undefined ? '' : ` (skipped: ${reason})`}`;

const names = [
  ...['server', 'guarded', 'narrow', 'keeper', 'plain'],
  ...['client', 'chooser', 'blocks', 'picker', 'loner'],
] as const;
type Name = (typeof names)[number];

/** What a program saw of who called it; `error` when nobody answered. */
interface Seen {
  readonly pod?: string;
  readonly from?: string;
  readonly isMesh?: boolean;
  readonly error?: string;
}

describe.skipIf(reason !== undefined)(title, () => {
  let mesh: Mesh;
  const pods = new Map<Name, Pod & { readonly pid: number; readonly ipv6: string }>();
  beforeAll(async () => {
    mesh = await startMesh({ capture: 'transparent', paths: [repositoryFile('tests/e2e/apps/capture')] });
    const processes = applicationsOf(await mesh.pods());
    const objects = listAt(await mesh.admin('/v1/objects?kind=Pod'), 'items');
    for (const name of names) {
      const pod = await mesh.pod(`${name}-`);
      const object = objects.find((each) => textAt(each, 'metadata', 'name') === pod.name);
      const ipv6 = textAt(listAt(object, 'status', 'podIPs')[1], 'ip') ?? '';
      pods.set(name, { ...pod, ipv6, pid: Number.parseInt(processes[pod.name] ?? '', 10) });
    }
  }, 300_000);
  afterAll(async () => {
    await mesh?.stop();
  });

  const of = (name: Name) => {
    const pod = pods.get(name);
    if (pod === undefined) throw new Error(`no Pod of ${name}`);
    return pod;
  };
  const run = (from: Name, script: string, owner: readonly string[] = []): Promise<unknown> => {
    const node = [process.execPath, '--input-type=module', '--eval', script];
    const enter = ['--target', String(of(from).pid), '--net', '--mount', ...owner, '--', ...node];
    return new Promise((resolve, reject) => {
      execFile('nsenter', enter, { timeout: 60_000 }, (error, stdout, stderr) =>
        error === null ? resolve(JSON.parse(stdout)) : reject(new Error(`${error.message}\n${stderr}`)),
      );
    });
  };
  const asking = (host: string, port: number, name = host): string => `
    import { get } from 'node:http';
    const finish = (seen) => { console.log(JSON.stringify(seen)); process.exit(); };
    const options = { host: ${JSON.stringify(host)}, port: ${port}, headers: { host: '${name}' }, timeout: 8000 };
    get(options, (response) => {
      let text = '';
      response.on('data', (part) => { text += part; });
      response.on('end', () => finish(response.statusCode === 200 ? JSON.parse(text) : { error: String(response.statusCode) }));
    }).on('error', ({ code }) => finish({ error: code }));`;
  const ask = async (from: Name, to: readonly [string, number, string?], owner?: readonly string[]) =>
    (await run(from, asking(...to), owner)) as Seen;

  const log = (name: Name): string =>
    readFileSync(join(mesh.state, 'logs', of(name).name, 'access.log'), 'utf8');
  const logged = (name: Name, text: string): Promise<string> =>
    until(`${name} logs ${text}`, async () =>
      log(name)
        .split('\n')
        .find((line) => line.includes(text)),
    );

  it('[DP-2] without annotations everything is captured, out and in', async () => {
    expect(await ask('client', ['server', 8080])).toMatchObject({ from: '127.0.0.6', isMesh: true });
    await logged('client', 'outbound|8080||server.default.svc.cluster.local');
    await logged('server', 'inbound|8080||');
    // By a Pod's address and at a port that nobody has named, too.
    expect(await ask('client', [of('server').ip, 8081])).toMatchObject({ from: '127.0.0.6' });
    await logged('client', `${of('server').ip}:8081" PassthroughCluster`);
    await logged('server', 'InboundPassthroughCluster');
  });

  it('[DP-2] an inbound port that is excluded, or not included, is reached directly', async () => {
    const client = of('client').ip;
    expect(await ask('client', [of('guarded').ip, 8081])).toMatchObject({ from: client });
    expect(await ask('client', [of('guarded').ip, 8082])).toMatchObject({ from: '127.0.0.6' });
    expect(await ask('client', [of('narrow').ip, 8081])).toMatchObject({ from: client });
    expect(await ask('client', ['narrow', 8080])).toMatchObject({ from: '127.0.0.6', isMesh: true });
  });

  it('[DP-2] [AU-5] TPROXY: the application sees the client itself, under mutual TLS as without', async () => {
    const client = of('client').ip;
    expect(await ask('client', ['keeper', 8080])).toMatchObject({ from: client, isMesh: true });
    await logged('keeper', 'inbound|8080||');
    expect(await ask('client', [of('keeper').ip, 8082])).toMatchObject({ from: client, isMesh: false });
    await logged('keeper', 'inbound|8082||');
    const before = log('keeper').length;
    expect(await ask('client', [of('keeper').ip, 8081])).toMatchObject({ from: client, isMesh: false });
    // A later call is logged, so the excluded one would be.
    expect(await ask('server', ['keeper', 8080])).toMatchObject({ from: of('server').ip });
    await logged('keeper', of('server').ip);
    expect(log('keeper').slice(before)).not.toContain(':8081');
    // Its own calls are captured as everybody's.
    expect(await ask('keeper', ['server', 8080])).toMatchObject({ from: '127.0.0.6', isMesh: true });
    await logged('keeper', 'outbound|8080||server.default.svc.cluster.local');
  });

  it.each(['server', 'keeper'] as const)(
    '[DP-2] %s calls itself by name, address and loopback',
    async (name) => {
      const { ip, pod } = { ...of(name), pod: of(name).name };
      expect(await ask(name, [name, 8080])).toMatchObject({ pod, isMesh: true });
      expect(await ask(name, [ip, 8080])).toEqual({ pod, from: ip, isMesh: false });
      expect(await ask(name, ['127.0.0.1', 8080])).toEqual({ pod, from: '127.0.0.1', isMesh: false });
      expect(await ask(name, ['::1', 8080, 'me'])).toEqual({ pod, from: '::1', isMesh: false });
    },
  );

  type Target = readonly [host: string, port: number, name?: string];
  const placeOf = ([host, port]: Target): string => {
    if (!/[.:]/.test(host)) return `outbound|${port}||${host}.`;
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  };
  const captured = async (from: Name, to: Target, owner?: readonly string[]): Promise<void> => {
    const before = log(from).length;
    expect(await ask(from, to, owner)).toMatchObject({ pod: expect.any(String) });
    await until(`${from} logs ${placeOf(to)}`, async () =>
      log(from)
        .slice(before)
        .split('\n')
        .some((line) => line.includes(placeOf(to))),
    );
  };
  /** A later call that surely is captured shows in the log, so the earlier one would. */
  const bypassing = async (from: Name, to: Target, owner?: readonly string[]): Promise<void> => {
    const before = log(from).length;
    expect(await ask(from, to, owner)).toMatchObject({ pod: expect.any(String) });
    await ask(from, ['240.9.9.9', 8082]);
    const added = await until(`${from} logs the later call`, async () => {
      const text = log(from).slice(before);
      return text.includes('240.9.9.9:8082') && text;
    });
    expect(added).not.toContain(placeOf(to));
  };

  it('[DP-2] an outbound port, user or group that is excluded goes its own way', async () => {
    const { ip } = of('server');
    await captured('chooser', [ip, 8082]);
    await bypassing('chooser', [ip, 8081]);
    await bypassing('chooser', [ip, 8082], ['--setuid', '4242']);
    await bypassing('chooser', [ip, 8082], ['--setgid', '4343']);
    await captured('chooser', [ip, 8082], ['--setuid', '4241']);
  });

  it('[DP-2] blocks are excluded, or others included; included ports count wherever they are', async () => {
    const { ip, ipv6 } = of('server');
    await bypassing('blocks', [ip, 8082]);
    await bypassing('blocks', [ipv6, 8082, 'x']);
    await captured('blocks', ['guarded', 8080]);
    await bypassing('picker', [ip, 8081]);
    await captured('picker', [ip, 8082]);
    await captured('picker', ['guarded', 8080]);
  });

  it('[DP-2] an interface that is excluded carries nothing to the proxy', async () => {
    expect(await ask('client', [of('loner').ip, 8080])).toMatchObject({ from: of('client').ip });
    expect(await ask('loner', [of('server').ip, 8082])).toMatchObject({ from: '127.0.0.6' });
    expect(log('loner')).not.toContain(':8082');
  });

  it('[DP-2] IPv6 is captured like IPv4, to Pods and to services', async () => {
    expect(await ask('client', [of('server').ipv6, 8082, 'x'])).toMatchObject({ from: '::6' });
    await logged('client', `[${of('server').ipv6}]:8082" PassthroughCluster`);
    expect(await ask('client', [of('keeper').ipv6, 8082, 'x'])).toMatchObject({ from: of('client').ipv6 });
    expect(await ask('client', [of('guarded').ipv6, 8081, 'x'])).toMatchObject({ from: of('client').ipv6 });
    expect(await ask('client', ['fd96::7', 8080, 'server'])).toMatchObject({
      pod: of('server').name,
      isMesh: true,
    });
    await logged('client', '[fd96::7]:8080');
    // A service that asks for both families gets both, and calls itself by either.
    const found = (await run(
      'guarded',
      "import { lookup } from 'node:dns/promises'; console.log(JSON.stringify(await lookup('guarded', { all: true })));",
    )) as readonly { readonly address: string }[];
    expect(found.map(({ address }) => address.split(/[.:]/)[0]).sort()).toEqual([
      expect.stringMatching(/^2(001|4)/),
      expect.stringMatching(/^2(001|4|5)/),
    ]);
    for (const from of ['client', 'guarded'] as const)
      for (const { address } of found)
        expect(await ask(from, [address, 8080, 'guarded'])).toMatchObject({
          pod: of('guarded').name,
          isMesh: true,
        });
  });

  it('[DP-2] queries of names reach the agent, over UDP and TCP and whatever server they are for', async () => {
    const resolving = (server: string): string => `
      import { promises } from 'node:dns';
      const resolver = new promises.Resolver({ timeout: 3000, tries: 1 });
      resolver.setServers(['${server}']);
      const ask = (kind) => resolver[kind]('server.default.svc.cluster.local').catch(({ code }) => code);
      console.log(JSON.stringify([await ask('resolve4'), await ask('resolve6')]));
      process.exit();`;
    for (const server of ['192.0.2.53', '[2001:db8::53]:53'])
      expect(await run('client', resolving(server)), server).toEqual([['10.96.7.7'], ['fd96::7']]);
    const overTcp = (server: string): string => `
      import { connect } from 'node:net';
      const name = 'server.default.svc.cluster.local'.split('.').map((label) => String.fromCharCode(label.length) + label).join('');
      const query = Buffer.concat([Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Buffer.from(name + '\\0'), Buffer.from([0, 1, 0, 1])]);
      const socket = connect({ host: '${server}', port: 53, timeout: 3000 });
      const finish = (value) => { console.log(JSON.stringify(value)); process.exit(); };
      socket.on('error', ({ code }) => finish(code)).on('timeout', () => finish('timeout'));
      socket.write(Buffer.concat([Buffer.from([0, query.length]), query]));
      socket.once('data', (answer) => finish([...answer.subarray(-4)].join('.')));`;
    for (const server of ['192.0.2.53', '2001:db8::53'])
      expect(await run('client', overTcp(server)), server).toBe('10.96.7.7');
  });

  it('[DP-2] NONE: nothing is captured, whoever names the proxy uses it', async () => {
    const { ip } = of('plain');
    expect(await ask('client', ['plain', 8080])).toMatchObject({ from: ip, isMesh: true });
    await logged('plain', 'inbound|8080||');
    expect(await ask('plain', [of('server').ip, 8080])).toMatchObject({ from: '127.0.0.6', isMesh: false });
    const proxied = `
      import { request } from 'node:http';
      request({ host: '${ip}', port: 15001, path: 'http://server:8080/', headers: { host: 'server:8080' } }, (response) => {
        response.on('data', (part) => { console.log(String(part)); process.exit(); });
      }).end();`;
    expect(await run('plain', proxied)).toMatchObject({ isMesh: true });
    await logged('plain', 'outbound|8080||server.default.svc.cluster.local');
  });

  it('[DP-2] what cannot be honoured is refused by name', async () => {
    const annotated = readFileSync(repositoryFile('tests/e2e/apps/capture/capture.yaml'), 'utf8')
      .replaceAll('name: narrow', 'name: wrong')
      .replace('includeInboundPorts: "8080"', 'includeInboundPort: "8080"')
      .split(/^---$/m)
      .find((text) => text.includes('kind: Deployment') && text.includes('name: wrong'));
    const refused = await mesh.xebec(['apply', '-f', '-'], { input: annotated ?? '' });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('did you mean "traffic.sidecar.istio.io/includeInboundPorts"');
    expect(at(await mesh.admin('/v1/objects?kind=Deployment'), 'items')).not.toEqual(
      expect.arrayContaining([expect.objectContaining({ name: 'wrong' })]),
    );
  });
});
