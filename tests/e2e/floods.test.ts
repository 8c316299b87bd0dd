// Connections that mean harm to the control plane: they end, the process stays, and others are served meanwhile.
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlaneProcess, startControlPlane } from './support/control-plane.ts';
import { openDiscovery, types } from './support/discovery-client.ts';
import { until } from './support/mesh.ts';
import { callHeaders, type Flood, flood, frame, headerBlock, ping, settings } from './support/raw-frames.ts';

let plane: ControlPlaneProcess;
let address: string;
const portOf = (): number => Number(address.split(':')[1]);
beforeAll(async () => {
  plane = await startControlPlane(['--xds-plaintext', '127.0.0.1:0', '--http', '127.0.0.1:0']);
  address = plane.address('xds-plaintext');
}, 60_000);
afterAll(() => plane?.[Symbol.asyncDispose]());

/** Ticks of 10 ms that the process has computed. */
function ticks(): number {
  const fields = readFileSync(`/proc/${plane.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
const residentBytes = (): number =>
  1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${plane.pid}/status`, 'utf8'))?.[1]);

let served = 0;
/** An honest client gets its answer, soon. */
async function serves(): Promise<void> {
  served += 1;
  const id = `sidecar~127.0.0.1~honest-${served}.default~default.svc.cluster.local`;
  using client = openDiscovery({ address, node: { id, metadata: {} } });
  const startedAt = performance.now();
  await client.ask(types.cluster);
  expect(performance.now() - startedAt).toBeLessThan(8_000);
}

async function isQuietAgain(): Promise<void> {
  await until(
    'it computes nothing',
    async () => {
      const before = ticks();
      await new Promise((resolve) => setTimeout(resolve, 300));
      return ticks() - before < 6;
    },
    5_000,
  );
}

async function survives(attack: () => Promise<Flood>): Promise<Flood> {
  const before = residentBytes();
  const [ended] = await Promise.all([attack(), serves()]);
  await isQuietAgain();
  await serves();
  expect(residentBytes() - before).toBeLessThan(150 * 1024 * 1024);
  return ended;
}

const mega = 1024 * 1024;
const odd = (turn: number): number => 2 * turn + 1;
const open = (stream: number): Buffer => frame(1, 4, stream, callHeaders());
describe('[RELIABILITY B05] a connection', () => {
  it.each<[string, (turn: number) => Buffer | undefined]>([
    [
      'of random bytes',
      (turn) => (turn < 100 ? Buffer.from(crypto.getRandomValues(new Uint8Array(9_999))) : undefined),
    ],
    [
      'that opens and resets 100,000 calls',
      (turn) =>
        turn < 100_000
          ? Buffer.concat([open(odd(turn)), frame(3, 0, odd(turn), Buffer.alloc(4))])
          : undefined,
    ],
    ['that opens 100,000 calls', (turn) => (turn < 100_000 ? open(odd(turn)) : undefined)],
    [
      'of header blocks that never end',
      (turn) =>
        turn === 0
          ? frame(1, 0, 1, callHeaders())
          : turn < 100_000
            ? frame(9, 0, 1, headerBlock([[`x-${turn}`, 'a']]))
            : undefined,
    ],
    [
      'of 200,000 settings',
      (turn) => (turn < 200 ? Buffer.concat(Array.from({ length: 1_000 }, () => settings())) : undefined),
    ],
    [
      'of 1,000,000 pings',
      (turn) => (turn < 1_000 ? Buffer.concat(Array.from({ length: 1_000 }, ping)) : undefined),
    ],
    [
      'with 2 MB of headers',
      (turn) =>
        turn === 0
          ? frame(1, 0, 1, callHeaders())
          : turn <= 140
            ? frame(9, turn === 140 ? 4 : 0, 1, headerBlock([[`x-${turn}`, 'a'.repeat(15_000)]]))
            : undefined,
    ],
    ['of empty data frames', (turn) => (turn === 0 ? open(1) : turn < 200_000 ? frame(0, 0, 1) : undefined)],
    [
      'of window updates that overflow',
      (turn) => (turn < 10 ? frame(8, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])) : undefined),
    ],
  ])('%s', async (_what, next) => {
    expect((await survives(() => flood(portOf(), next))).end).toMatch(/closed|goaway/);
  });
});

describe('[RELIABILITY B05] a message', () => {
  /** The status that a call with this body ends with. */
  async function statusOf(
    body: Buffer,
    headers: readonly (readonly [string, string])[] = [],
  ): Promise<number> {
    const session = connectHttp2(`http://${address}`);
    session.on('error', () => undefined);
    const call = session.request({
      ':method': 'POST',
      ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...Object.fromEntries(headers),
    });
    call.on('error', () => undefined).resume();
    const ended = new Promise<number>((resolve) => {
      call.on('response', (got) => got['grpc-status'] !== undefined && resolve(Number(got['grpc-status'])));
      call.on('trailers', (got) => resolve(Number(got['grpc-status'])));
      call.on('close', () => resolve(-1));
    });
    call.write(body);
    return ended.finally(() => session.destroy());
  }
  const head = (size: number, flag = 0): Buffer => {
    const bytes = Buffer.alloc(5);
    bytes.writeUInt8(flag);
    bytes.writeUInt32BE(size, 1);
    return bytes;
  };

  it('of more than 4 MB is refused, whether it comes or is only announced', async () => {
    expect(await statusOf(Buffer.concat([head(5 * mega), Buffer.alloc(5 * mega)]))).toBe(8);
    expect(await statusOf(head(0xffff_ffff))).toBe(8);
    await serves();
  });

  it('that grows to 128 MB when it is unpacked is refused, and not unpacked', async () => {
    const before = residentBytes();
    const bomb = gzipSync(Buffer.alloc(128 * mega), { level: 9 });
    const told = await statusOf(Buffer.concat([head(bomb.length, 1), bomb]), [['grpc-encoding', 'gzip']]);
    expect(told).toBe(8);
    expect(residentBytes() - before).toBeLessThan(100 * mega);
    await isQuietAgain();
    await serves();
  });

  it('that is no request, or in an unknown encoding, ends its call only', async () => {
    expect(await statusOf(Buffer.concat([head(4), Buffer.from([255, 255, 255, 255])]))).toBe(3);
    expect(await statusOf(Buffer.concat([head(4, 1), Buffer.alloc(4)]), [['grpc-encoding', 'lzma']])).toBe(
      12,
    );
    await serves();
  });
});
