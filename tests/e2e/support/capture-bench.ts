// Two network namespaces with a link of both families between them: programs that say how they were reached, and an
// Envoy that is the proxy of one. Whatever passes it begins with a line of the PROXY protocol.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, constants, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command, type Run } from './mesh.ts';

/** The namespace with a proxy, and the one that it talks to. */
export const addresses = {
  own: { ipv4: '10.77.0.1', ipv6: 'fd77::1' },
  other: { ipv4: '10.77.0.2', ipv6: 'fd77::2' },
  /** The same two on a second link. */
  ownAside: { ipv4: '10.78.0.1', ipv6: 'fd78::1' },
  otherAside: { ipv4: '10.78.0.2', ipv6: 'fd78::2' },
} as const;

/** How the far end saw a connection. */
export interface Reached {
  /** Through the proxy, which says where it was going. */
  readonly via?: string;
  readonly from: string;
}

export interface CaptureBench extends AsyncDisposable {
  /** Runs something in the namespace with the proxy. */
  own(program: readonly string[]): Promise<Run>;
  /** Rules of somebody else, in each place where ours go, and not there twice. */
  addForeignRules(): Promise<void>;
  xebec(...parameters: readonly string[]): Promise<Run>;
  /** A connection from one of the two. */
  dial(from: 'own' | 'other', to: Dialled): Promise<Reached | string>;
  /** Who answers a query of a name. */
  query(transport: 'udp' | 'tcp', server: string, owner?: readonly string[]): Promise<string>;
  /** Starts the proxy anew, for connections whose packets stay as they are or not. */
  startProxy(envoy: string, interception: 'REDIRECT' | 'TPROXY'): Promise<void>;
}

export interface Dialled {
  readonly host: string;
  readonly port: number;
  /** `--reuid=1000` and the like, of setpriv. */
  readonly owner?: readonly string[];
}

const ports = [8080, 8081, 5432];

const server = `
  const { createServer } = require('node:net');
  let left = ${ports.length};
  for (const port of [${ports.join(', ')}])
    createServer((socket) => {
      let text = '';
      socket.on('error', () => {}).on('data', (part) => {
        text += part;
        if (!text.includes('hello')) return;
        const [, , , via] = /^PROXY (TCP\\d) (\\S+) (\\S+)/.exec(text) ?? [];
        socket.end(JSON.stringify({ via, from: socket.remoteAddress.replace('::ffff:', '') }));
      });
    }).listen(port, '::', () => { if (--left === 0) console.log('listening'); });`;

const resolver = `
  const { createServer } = require('node:net');
  const { createSocket } = require('node:dgram');
  for (const address of ['127.0.0.1', '::1']) {
    createServer((socket) => socket.end('resolver')).listen(15053, address);
    const socket = createSocket(address === '::1' ? 'udp6' : 'udp4');
    socket.bind(15053, address).on('message', (_text, client) => socket.send('resolver', client.port, client.address));
  }
  setTimeout(() => console.log('listening'), 100);`;

const nameServer = `
  const { createServer } = require('node:net');
  const { createSocket } = require('node:dgram');
  createServer((socket) => socket.end('elsewhere')).listen(53, '::');
  const socket = createSocket('udp6');
  socket.bind(53, '::').on('message', (_text, client) => socket.send('elsewhere', client.port, client.address));
  setTimeout(() => console.log('listening'), 100);`;

const dialling = ({ host, port }: Dialled): string => `
  const finish = (text) => { console.log(text); process.exit(); };
  const socket = require('node:net').connect({ host: '${host}', port: ${port}, timeout: 3000 });
  let text = '';
  socket.on('connect', () => socket.write('hello'))
    .on('data', (part) => { text += part; })
    .on('end', () => finish(text === '' ? '"closed"' : text))
    .on('error', ({ code }) => finish(JSON.stringify(code)))
    .on('timeout', () => finish('"timeout"'));`;

const querying = (transport: 'udp' | 'tcp', to: string): string => `
  const finish = (text) => { console.log(String(text)); process.exit(); };
  setTimeout(() => finish('timeout'), 3000);
  if ('${transport}' === 'tcp')
    require('node:net').connect({ host: '${to}', port: 53 }).on('data', finish).on('error', ({ code }) => finish(code));
  else {
    const socket = require('node:dgram').createSocket('${to.includes(':') ? 'udp6' : 'udp4'}');
    socket.on('message', finish).on('error', ({ code }) => finish(code));
    socket.send('who', 53, '${to}');
  }`;

const foreignTables = `*nat
:OTHER - [0:0]
:ISTIO_OUTPUT - [0:0]
-A OTHER -p tcp -m tcp --dport 81 -j RETURN
-A PREROUTING -p tcp -j OTHER
-A OUTPUT -p tcp -m tcp --dport 82 -j ISTIO_OUTPUT
COMMIT
*mangle
-A PREROUTING -p tcp -m tcp --dport 83 -j MARK --set-mark 7
-A OUTPUT -p tcp -m tcp --dport 83 -j MARK --set-mark 7
COMMIT
`;

function run(program: readonly string[], input?: string): Promise<Run> {
  const [file = '', ...parameters] = program;
  return new Promise((resolve) => {
    const child = execFile(file, parameters, { timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({
        code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1,
        stdout,
        stderr,
      }),
    );
    if (input !== undefined) child.stdin?.end(input);
  });
}

export async function openCaptureBench(): Promise<CaptureBench> {
  const names = { own: `xb-cap-${process.pid}-own`, other: `xb-cap-${process.pid}-other` };
  const directory = mkdtempSync(join(tmpdir(), 'xb-capture-'));
  chmodSync(directory, 0o755);
  const children: ChildProcess[] = [];
  let proxy: ChildProcess | undefined;
  let hasForeignRules = false;
  const inside = (place: 'own' | 'other', program: readonly string[]): string[] => [
    ...['ip', 'netns', 'exec', names[place]],
    ...program,
  ];
  const start = async (place: 'own' | 'other', program: readonly string[], ready: RegExp) => {
    const [file = '', ...parameters] = inside(place, program);
    const child = spawn(file, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    await printed(child, ready);
    return child;
  };
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  const dispose = async (): Promise<void> => {
    await Promise.all(children.map(end));
    for (const name of Object.values(names)) await run(['ip', 'netns', 'delete', name]);
    rmSync(directory, { recursive: true, force: true });
  };
  for (const step of linkSteps(names)) {
    const { code, stderr } = await run(step);
    if (code !== 0) throw new Error(`${step.join(' ')}: ${stderr}`);
  }
  const node = (script: string): string[] => [process.execPath, '-e', script];
  await start('own', node(server), /listening/);
  await start('other', node(server), /listening/);
  await start('own', node(resolver), /listening/);
  await start('other', node(nameServer), /listening/);
  return {
    own: (program) => run(inside('own', program)),
    async addForeignRules() {
      if (hasForeignRules) return;
      hasForeignRules = true;
      await run(inside('own', ['iptables-restore', '--noflush']), foreignTables);
      await run(inside('own', ['ip6tables-restore', '--noflush']), foreignTables);
      await run(inside('own', ['nft', '-f', '-']), 'table inet other {\n chain a {\n }\n}\n');
      for (const version of ['-4', '-6'])
        await run(inside('own', ['ip', version, 'rule', 'add', 'fwmark', '1337', 'lookup', '200']));
    },
    xebec: (...parameters) => run(inside('own', [process.execPath, command, ...parameters])),
    async dial(from, to) {
      const owner = to.owner === undefined ? [] : ['setpriv', ...to.owner, '--clear-groups', '--'];
      const { stdout, stderr } = await run(inside(from, [...owner, ...node(dialling(to))]));
      if (stdout === '') throw new Error(stderr);
      return JSON.parse(stdout);
    },
    async query(transport, to, owner = []) {
      const become = owner.length === 0 ? [] : ['setpriv', ...owner, '--clear-groups', '--'];
      return (await run(inside('own', [...become, ...node(querying(transport, to))]))).stdout.trim();
    },
    async startProxy(envoy, interception) {
      if (proxy !== undefined) await end(proxy);
      const program = join(directory, 'envoy');
      copyFileSync(envoy, program, constants.COPYFILE_FICLONE);
      chmodSync(program, 0o755);
      const file = join(directory, 'envoy.json');
      writeFileSync(file, JSON.stringify(proxyBootstrap(interception)));
      const capability = ['--inh-caps=+net_admin', '--ambient-caps=+net_admin'];
      const become = [
        ...['setpriv', '--reuid=1337', '--regid=1337', '--clear-groups'],
        ...(interception === 'TPROXY' ? capability : []),
      ];
      const options = ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--base-id', '7'];
      proxy = await start('own', [...become, '--', program, ...options], /starting main dispatch loop/);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function printed(child: ChildProcess, ready: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const look = (part: Buffer): void => {
      text += part.toString();
      if (ready.test(text)) resolve();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('exit', () => reject(new Error(`it ended: ${text}`)));
  });
}

/** Two links: `eth0` and `eth1` in either namespace. */
function linkSteps({ own, other }: { readonly own: string; readonly other: string }): string[][] {
  const at = (name: string, rest: string): string[] => ['ip', '-n', name, ...rest.split(' ')];
  const { own: o, other: p, ownAside: oa, otherAside: pa } = addresses;
  const addressing = (name: string, link: string, of: { readonly ipv4: string; readonly ipv6: string }) => [
    at(name, `address add ${of.ipv4}/24 dev ${link}`),
    at(name, `address add ${of.ipv6}/64 dev ${link} nodad`),
    at(name, `link set ${link} up`),
  ];
  return [
    ['ip', 'netns', 'add', own],
    ['ip', 'netns', 'add', other],
    at(own, 'link set lo up'),
    at(other, 'link set lo up'),
    ...['eth0', 'eth1'].map((link) => at(own, `link add ${link} type veth peer name ${link} netns ${other}`)),
    ...addressing(own, 'eth0', o),
    ...addressing(other, 'eth0', p),
    ...addressing(own, 'eth1', oa),
    ...addressing(other, 'eth1', pa),
    // 192.0.2.0/24 and 2001:db8::/64 are in the other namespace as well.
    ...['192.0.2.2/24', '2001:db8::2/64'].map((block) =>
      at(other, `address add ${block} dev lo${block.includes(':') ? ' nodad' : ''}`),
    ),
    at(own, `route add default via ${p.ipv4}`),
    ['ip', '-6', '-n', own, 'route', 'add', 'default', 'via', p.ipv6],
  ];
}

/** Both directions; what goes on says by the PROXY protocol where it was going. */
function proxyBootstrap(interception: 'REDIRECT' | 'TPROXY'): unknown {
  const address = (host: string, port: number) => ({ socket_address: { address: host, port_value: port } });
  const filter = (name: string, type: string, rest: object = {}) => ({
    name,
    typed_config: { '@type': `type.googleapis.com/envoy.extensions.filters.${type}`, ...rest },
  });
  const originalDestination = filter(
    'envoy.filters.listener.original_dst',
    'listener.original_dst.v3.OriginalDst',
  );
  const originalSource = filter(
    'envoy.filters.listener.original_src',
    'listener.original_src.v3.OriginalSrc',
    {
      mark: 1337,
    },
  );
  const listener = (name: string, port: number, isTransparent: boolean) => ({
    name,
    address: address('0.0.0.0', port),
    additional_addresses: [{ address: address('::', port) }],
    transparent: isTransparent,
    listener_filters: [originalDestination, ...(isTransparent ? [originalSource] : [])],
    filter_chains: [
      {
        filters: [
          filter('envoy.filters.network.tcp_proxy', 'network.tcp_proxy.v3.TcpProxy', {
            stat_prefix: name,
            cluster: name,
          }),
        ],
      },
    ],
  });
  const cluster = (name: string, binding: object) => ({
    name,
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    connect_timeout: '2s',
    ...binding,
    transport_socket: {
      name: 'envoy.transport_sockets.upstream_proxy_protocol',
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport',
        config: { version: 'V1' },
        transport_socket: {
          name: 'envoy.transport_sockets.raw_buffer',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer',
          },
        },
      },
    },
  });
  const inboundBinding = {
    upstream_bind_config: {
      source_address: { address: '127.0.0.6', port_value: 0 },
      extra_source_addresses: [{ address: { address: '::6', port_value: 0 } }],
      freebind: true,
    },
  };
  return {
    static_resources: {
      listeners: [listener('outbound', 15001, false), listener('inbound', 15006, interception === 'TPROXY')],
      clusters: [cluster('outbound', {}), cluster('inbound', inboundBinding)],
    },
  };
}
