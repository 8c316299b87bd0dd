// A port that does not say what it speaks, on a real Envoy: HTTP is routed, whatever else passes, and servers may speak first.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, fromBinary } from '@bufbuild/protobuf';
import { apiRegistry, toJsonText } from '@xebec/protos';
import { AddressSchema } from '@xebec/protos/envoy/config/core/v3/address_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually, startControlPlane } from '../feature/support/control-plane.ts';
import { connectProxy } from '../feature/support/proxy-client.ts';
import { sidecarBootstrap } from './support/envoy.ts';

const envoyPath = process.env['ENVOY_PATH'];
const address = `127.78.${1 + (process.pid % 250)}.${1 + (process.ppid % 250)}`;
const closers: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const registry = apiRegistry(() =>
  readFileSync(fileURLToPath(import.meta.resolve('@xebec/protos/descriptors/envoy.binpb'))),
);

async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  closers.push(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const entry = (name: string, vip: string, port: number): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.example]
  addresses: [${vip}]
  ports: [{ number: 7000, name: unsaid, targetPort: ${port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;
const marked = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [web.example]
  http: [{ headers: { response: { set: { x-routed: "yes" } } }, route: [{ destination: { host: web.example } }] }]
`;

/** The listener as it was sent, but bound where the test can dial it: nothing is redirected here. */
function bound(bytes: Uint8Array | undefined, port: number): unknown {
  const listener = fromBinary(ListenerSchema, bytes ?? new Uint8Array());
  delete listener.bindToPort;
  listener.address = create(AddressSchema, {
    address: { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } },
  });
  return JSON.parse(toJsonText(registry(), ListenerSchema, listener));
}

async function start(): Promise<void> {
  const web = await listening(createHttpServer((_request, response) => response.end('web')));
  const greeting = await listening(createServer((socket) => socket.end('220 hello\r\n')));
  const plane = await startControlPlane();
  closers.push(() => plane.close());
  await plane.apply(
    [entry('web', '240.1.0.1', web), entry('mail', '240.1.0.2', greeting), marked].join('---\n'),
  );
  const client = connectProxy(plane.port, { name: 'reader' });
  await plane.settled([client]);
  const listeners = client.resources.get('listener');
  const statics = [
    bound(listeners?.get('240.1.0.1_7000'), 7001),
    bound(listeners?.get('240.1.0.2_7000'), 7002),
  ];
  client.close();
  const directory = mkdtempSync(join(tmpdir(), 'xebec-peer-'));
  const file = join(directory, 'bootstrap.json');
  const base = sidecarBootstrap({ address, xdsPort: plane.port, metadata: { CAPTURE: 'transparent' } });
  const { lds_config: _lds, ...dynamic } = base.dynamic_resources;
  writeFileSync(
    file,
    JSON.stringify({
      ...base,
      dynamic_resources: dynamic,
      static_resources: { ...base.static_resources, listeners: statics },
    }),
  );
  const flags = ['-c', file, '--concurrency', '1', '--use-dynamic-base-id', '-l', 'error'];
  const child = spawn(envoyPath ?? '', flags, { stdio: 'ignore' });
  closers.push(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  });
}

const getHeader = (host: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: address, port: 7001, agent: false, headers: { host } }, (response) => {
      response.resume();
      resolve(String(response.headers['x-routed']));
    });
    sent.on('error', reject);
    sent.end();
  });

/** What arrives until the other side ends, after saying something or nothing. */
const dial = (port: number, say: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(port, address, () => socket.write(say));
    let text = '';
    socket.on('data', (part) => {
      text += part.toString();
    });
    for (const event of ['end', 'error'] as const) socket.on(event, () => resolve(text));
  });

describe.skipIf(envoyPath === undefined)('a port that does not say what it speaks', () => {
  it('routes HTTP, passes the rest, and lets a server speak first', async () => {
    await start();
    await eventually('HTTP is routed', () =>
      getHeader('web.example').then(
        (routed) => routed === 'yes',
        () => false,
      ),
    );
    expect(await dial(7002, '')).toBe('220 hello\r\n');
    expect(await dial(7002, '\u0016\u0003\u0001 not HTTP\r\n')).toBe('220 hello\r\n');
  });
});
