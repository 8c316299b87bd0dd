// The DNS server over real sockets: names, transports, refusals, damage, and what it passes on.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import {
  type DecodedPacket,
  decode,
  encode,
  type Packet,
  RECURSION_DESIRED,
  type RecordType,
  TRUNCATED_RESPONSE,
} from 'dns-packet';
import { afterEach, describe, expect, test } from 'vitest';
import { type DnsServer, type DnsServerOptions, startDnsServer } from './dns-server.ts';
import { frame, hostNameServers } from './upstream.ts';

let open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const resource of open) await resource[Symbol.asyncDispose]();
  open = [];
});

const hosts: Readonly<Record<string, readonly string[]>> = {
  'reviews.shop.svc.cluster.local': ['10.1.0.1', '10.1.0.2', 'fd00::1'],
  'empty.shop.svc.cluster.local': [],
  'api.example.com': ['240.240.0.1'],
  'many.shop.svc.cluster.local': Array.from({ length: 100 }, (_, i) => `10.2.0.${i}`),
};

async function serve(options: Partial<DnsServerOptions> = {}): Promise<DnsServer> {
  const started = await startDnsServer({
    address: '127.0.0.1',
    port: 0,
    resolve: (host) => Promise.resolve(hosts[host] ?? 'unknown'),
    namespaceOf: () => 'shop',
    upstreams: [],
    ...options,
  });
  if (!started.ok) throw new Error(JSON.stringify(started.diagnostics));
  open.push(started.value);
  return started.value;
}

const question = (name: string, type: RecordType = 'A', more: Partial<Packet> = {}): Buffer =>
  encode({ type: 'query', id: 7, flags: RECURSION_DESIRED, questions: [{ type, name }], ...more });

function overUdp(server: DnsServer, ...messages: Buffer[]): Promise<DecodedPacket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const deadline = setTimeout(() => reject(new Error('no answer')), 5_000);
    socket.once('message', (answer) => {
      clearTimeout(deadline);
      socket.close();
      resolve(decode(answer));
    });
    for (const message of messages) socket.send(message, server.port, server.address);
  });
}

/** All answers of one connection, each message sent in pieces of `chunk` bytes. */
function overTcp(server: DnsServer, messages: Buffer[], chunk = 5): Promise<DecodedPacket[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port });
    const answers: DecodedPacket[] = [];
    let received = Buffer.alloc(0);
    socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')));
    socket.on('error', reject);
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        answers.push(decode(received.subarray(2, end)));
        received = received.subarray(end);
      }
      if (answers.length === messages.length) socket.destroy();
    });
    socket.on('close', () => resolve(answers));
    const all = Buffer.concat(messages.map(frame));
    for (let at = 0; at < all.length; at += chunk) socket.write(all.subarray(at, at + chunk));
  });
}

const codeOf = ({ flags = 0 }: Packet): number => flags & 0xf;
const addressesOf = ({ answers = [] }: Packet): unknown[] =>
  answers.map((answer) => (answer.type === 'A' || answer.type === 'AAAA' ? answer.data : answer.type));

describe('mesh names', () => {
  test.each([
    ['reviews', 'A', ['10.1.0.1', '10.1.0.2']],
    ['Reviews.SHOP', 'A', ['10.1.0.1', '10.1.0.2']],
    ['reviews.shop.svc', 'A', ['10.1.0.1', '10.1.0.2']],
    ['reviews.shop.svc.cluster.local', 'AAAA', ['fd00::1']],
    ['reviews', 'TXT', []],
    ['empty', 'A', []],
    ['api.example.com', 'A', ['240.240.0.1']],
    ['localhost', 'A', ['127.0.0.1']],
  ] satisfies [string, RecordType, string[]][])('%s %s', async (name, type, expected) => {
    const answer = await overUdp(await serve(), question(name, type));
    expect(codeOf(answer)).toBe(0);
    expect(answer.id).toBe(7);
    expect(answer.flag_aa && answer.flag_rd && answer.flag_ra).toBe(true);
    expect(answer.questions).toMatchObject([{ name, type }]);
    expect(addressesOf(answer)).toEqual(expected);
    expect(answer.authorities?.map((record) => record.type)).toEqual(expected.length === 0 ? ['SOA'] : []);
    for (const record of answer.answers ?? []) expect(record).toMatchObject({ name, ttl: 30 });
  });

  test('are those that the client in its namespace may see', async () => {
    const asked: string[] = [];
    const server = await serve({
      namespaceOf: () => 'other',
      resolve: (host, namespace) => {
        asked.push(`${host} for ${namespace}`);
        return Promise.resolve('unknown');
      },
    });
    expect(codeOf(await overUdp(server, question('reviews')))).toBe(3);
    expect(asked).toEqual(['reviews for other', 'reviews.other.svc.cluster.local for other']);
  });

  test('too many addresses for a datagram come over TCP', async () => {
    const server = await serve();
    const short = await overUdp(server, question('many'));
    expect((short.flags ?? 0) & TRUNCATED_RESPONSE).toBeTruthy();
    expect(addressesOf(short)).toEqual([]);
    const answers = await overTcp(server, [question('many'), question('reviews', 'A', { id: 8 })]);
    const byId = new Map(answers.map((answer) => [answer.id, addressesOf(answer).length]));
    expect(byId).toEqual(new Map([[7, 100], [8, 2]])); // biome-ignore format: a table
  });
});

describe('everything else', () => {
  test('an unknown client is refused, an unknown name does not exist', async () => {
    const server = await serve({ namespaceOf: () => undefined });
    expect(codeOf(await overUdp(server, question('reviews')))).toBe(5);
    const known = await serve();
    const unknown = await overUdp(known, question('nobody.example.com'));
    expect(codeOf(unknown)).toBe(3);
    expect(unknown.authorities).toMatchObject([{ type: 'SOA', ttl: 0 }]);
  });

  test('damaged messages, answers and failures never stop the server', async () => {
    const server = await serve({ resolve: () => Promise.reject(new Error('broken')) });
    const noise = [Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(40, 0xff)];
    const reply = encode({ type: 'response', id: 9, questions: [{ type: 'A', name: 'reviews' }] });
    const answer = await overUdp(server, ...noise, reply, question('reviews'));
    expect(answer.id).toBe(7);
    expect(codeOf(answer)).toBe(2);
    expect(codeOf(await overUdp(server, encode({ type: 'query', id: 1, questions: [] })))).toBe(1);
    const update = question('reviews', 'A', { flags: 5 << 11 });
    expect(codeOf(await overUdp(server, update))).toBe(4);
    const both = [{ type: 'A', name: 'a' } as const, { type: 'A', name: 'b' } as const];
    expect(codeOf(await overUdp(server, encode({ type: 'query', id: 1, questions: both })))).toBe(1);
  });

  test('a port that is taken is named', async () => {
    const server = await serve();
    const second = await startDnsServer({
      address: server.address,
      port: server.port,
      resolve: () => Promise.resolve('unknown'),
      namespaceOf: () => 'shop',
      upstreams: [],
    });
    expect(second).toMatchObject({ ok: false, diagnostics: [{ code: 'dns-port-unavailable' }] });
  });
});

describe('foreign names', () => {
  test('are asked upstream over the same transport, names of the cluster never', async () => {
    const asked: string[] = [];
    const upstream = await serve({
      resolve: (host) => {
        asked.push(host);
        return Promise.resolve(host === 'example.org' ? ['198.51.100.7'] : 'unknown');
      },
    });
    const server = await serve({ upstreams: [`127.0.0.1:${upstream.port}`] });
    expect(addressesOf(await overUdp(server, question('example.org')))).toEqual(['198.51.100.7']);
    const [answer] = await overTcp(server, [question('example.org')]);
    expect(addressesOf(answer ?? {})).toEqual(['198.51.100.7']);
    asked.length = 0;
    for (const name of ['nobody', 'nobody.shop.svc', 'example.org.shop.svc.cluster.local', 'cluster.local'])
      expect(codeOf(await overUdp(server, question(name)))).toBe(3);
    expect(asked).toEqual([]);
  });

  test('are all that a proxy is told', async () => {
    const upstream = await serve({ resolve: () => Promise.resolve(['198.51.100.7']) });
    const server = await serve({ upstreams: [`127.0.0.1:${upstream.port}`], foreignNamesOnly: true });
    expect(addressesOf(await overUdp(server, question('api.example.com')))).toEqual(['198.51.100.7']);
    expect(codeOf(await overUdp(server, question('reviews')))).toBe(3);
  });

  test('fail when no server answers in time, and the next server is asked', async () => {
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    open.push({
      [Symbol.asyncDispose]: () => new Promise((resolve) => silent.close(() => resolve())),
    });
    const dead = `127.0.0.1:${silent.address().port}`;
    const failing = await serve({ upstreams: [dead], upstreamTimeoutMs: 50 });
    expect(codeOf(await overUdp(failing, question('example.org')))).toBe(2);
    const good = await serve({ resolve: () => Promise.resolve(['198.51.100.7']) });
    const server = await serve({ upstreams: [dead, `127.0.0.1:${good.port}`], upstreamTimeoutMs: 50 });
    expect(addressesOf(await overUdp(server, question('example.org')))).toEqual(['198.51.100.7']);
  });

  test('the servers of a host are those of its resolv.conf', () => {
    expect(hostNameServers('/nonexistent/resolv.conf')).toEqual([]);
  });
});
