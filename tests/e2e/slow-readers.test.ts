// Discovery clients that take nothing: they cost little, nobody waits for them, and they are cut.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { DeltaDiscoveryRequestSchema } from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { openDiscovery, types } from './support/discovery-client.ts';
import { fetchText } from './support/http.ts';
import { until } from './support/mesh.ts';
import { callHeaders, frame, preface } from './support/raw-frames.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-slow-'));
let plane: ControlPlaneProcess;
const sockets: Socket[] = [];
beforeAll(async () => {
  writeFileSync(
    join(directory, 'many.yaml'),
    Array.from({ length: 2_000 }, (_, i) => serviceEntry(i)).join('---\n'),
  );
  plane = await startControlPlane([
    ...['--config-dir', directory, '--xds-plaintext', '127.0.0.1:0'],
    ...['--http', '127.0.0.1:0', '--open-metrics', '--discovery', 'eager'],
  ]);
}, 120_000);
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await plane?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

const serviceEntry = (i: number): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: host-${i} }
spec:
  hosts: [host-${i}.example]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.1.${i >> 8}.${i & 255} }]
`;

const nodeOf = (name: string) => `sidecar~127.0.0.1~${name}.default~default.svc.cluster.local`;

/** Asks for all clusters, and has no room for any byte of them. */
function openSilent(name: string): Promise<void> {
  const message = toBinary(
    DeltaDiscoveryRequestSchema,
    create(DeltaDiscoveryRequestSchema, { node: { id: nodeOf(name) }, typeUrl: types.cluster }),
  );
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.byteLength, 1);
  // INITIAL_WINDOW_SIZE is 0.
  const noWindow = frame(4, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]));
  const socket = connect({ host: '127.0.0.1', port: Number(plane.address('xds-plaintext').split(':')[1]) });
  socket.write(
    Buffer.concat([
      preface,
      noWindow,
      frame(1, 4, 1, callHeaders()),
      frame(0, 0, 1, Buffer.concat([head, message])),
    ]),
  );
  socket.resume().on('error', () => undefined);
  sockets.push(socket);
  // Pings of the server are answered: it lives, and takes nothing.
  socket.on('data', (part: Buffer) => {
    if (part.length >= 17 && part.readUInt8(part.length - 14) === 6)
      socket.write(frame(6, 1, 0, part.subarray(-8)));
  });
  return new Promise((resolve) => socket.on('connect', () => resolve()));
}

const residentBytes = (): number =>
  1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${plane.pid}/status`, 'utf8'))?.[1]);
const streams = async (): Promise<number> => {
  const { body } = await fetchText({ url: `http://${plane.address('http')}/metrics` });
  return Number(/^xebec_xds_streams (\d+)$/m.exec(body)?.[1]);
};
let asked = 0;
async function timeToServe(): Promise<number> {
  const startedAt = performance.now();
  using client = openDiscovery({
    address: plane.address('xds-plaintext'),
    node: { id: nodeOf(`quick-${asked++}`), metadata: {} },
  });
  expect((await client.ask(types.cluster)).resources.size).toBeGreaterThan(100);
  return performance.now() - startedAt;
}

it('[RELIABILITY F09] cost little, delay nobody, and are cut', async () => {
  await timeToServe();
  const alone = await timeToServe();
  const before = residentBytes();
  for (let i = 0; i < 8; i++) await openSilent(`silent-${i}`);
  await until('they are connected', async () => (await streams()) === 8);
  const beside = Math.min(await timeToServe(), await timeToServe());
  expect(beside).toBeLessThan(Math.max(10 * alone, 2_000));
  expect(residentBytes() - before).toBeLessThan(50 * 1024 * 1024);
  await until('they are cut', async () => (await streams()) === 0, 45_000);
  expect(residentBytes() - before).toBeLessThan(50 * 1024 * 1024);
}, 90_000);
