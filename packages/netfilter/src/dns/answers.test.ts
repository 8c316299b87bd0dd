// Answers that are more than addresses: members, other names, places; and what is said while the mesh cannot be asked.
import { createSocket } from 'node:dgram';
import {
  type DecodedPacket,
  decode,
  encode,
  type Packet,
  RECURSION_DESIRED,
  type RecordType,
} from 'dns-packet';
import { expect, onTestFinished, test } from 'vitest';
import type { HostAnswer } from './answer.ts';
import { type DnsServerOptions, startDnsServer } from './dns-server.ts';

async function serve(resolve: DnsServerOptions['resolve'], upstreams: readonly string[] = []) {
  const started = await startDnsServer({
    address: '127.0.0.1',
    port: 0,
    resolve,
    namespaceOf: () => 'shop',
    upstreams,
  });
  if (!started.ok) throw new Error(JSON.stringify(started.diagnostics));
  onTestFinished(() => started.value.close());
  return started.value;
}

const known =
  (hosts: Readonly<Record<string, HostAnswer>>): DnsServerOptions['resolve'] =>
  (host) =>
    Promise.resolve(hosts[host] ?? 'unknown');

function ask(port: number, name: string, type: RecordType = 'A'): Promise<DecodedPacket> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('message', (answer) => {
      socket.close();
      resolve(decode(answer));
    });
    const query: Packet = { type: 'query', id: 9, flags: RECURSION_DESIRED, questions: [{ type, name }] };
    socket.send(encode(query), port, '127.0.0.1');
  });
}

const codeOf = ({ flags = 0 }: DecodedPacket): number => flags & 0xf;

test('[MG-8] members are to be asked for again soon', async () => {
  const { port } = await serve(
    known({ 'db.shop.svc.cluster.local': { kind: 'members', addresses: ['127.0.2.1', 'fd00::1'] } }),
  );
  const { answers } = await ask(port, 'db');
  expect(answers).toMatchObject([{ type: 'A', name: 'db', ttl: 5, data: '127.0.2.1' }]);
});

test('[MG-8] a member of a headless service has a short name', async () => {
  const { port } = await serve(known({ 'db-0.db.shop.svc.cluster.local': ['127.0.2.1'] }));
  expect((await ask(port, 'db-0.db')).answers).toMatchObject([{ data: '127.0.2.1' }]);
});

test('[MG-8] an alias has the addresses of the name it stands for, under its own', async () => {
  const outside = await serve(known({ 'search.example.com': ['198.51.100.7'] }));
  const { port } = await serve(
    known({ 'search.shop.svc.cluster.local': { kind: 'name', name: 'search.example.com' } }),
    [`127.0.0.1:${outside.port}`],
  );
  const { answers } = await ask(port, 'search');
  expect(answers).toMatchObject([{ type: 'A', name: 'search', data: '198.51.100.7' }]);
});

test('[MG-8] an alias of a name that does not exist does not exist', async () => {
  const outside = await serve(known({}));
  const alias: HostAnswer = { kind: 'name', name: 'nothing.example.com' };
  const { port } = await serve(known({ 'search.shop.svc.cluster.local': alias }), [
    `127.0.0.1:${outside.port}`,
  ]);
  expect(codeOf(await ask(port, 'search'))).toBe(3);
});

test('[MG-8] a port of a service is found by its name', async () => {
  const places = [{ host: 'web.shop.svc.cluster.local', port: 80 }];
  const { port } = await serve(
    known({ '_http._tcp.web.shop.svc.cluster.local': { kind: 'places', places } }),
  );
  const { answers } = await ask(port, '_http._tcp.web', 'SRV');
  expect(answers).toMatchObject([{ type: 'SRV', data: { port: 80, target: 'web.shop.svc.cluster.local' } }]);
  expect(await ask(port, '_http._tcp.web', 'A')).toMatchObject({ answers: [] });
});

test('[MG-8] while the mesh cannot be asked, its names are in doubt, and foreign ones are asked elsewhere', async () => {
  const outside = await serve(known({ 'www.example.com': ['198.51.100.9'] }));
  const away = (): Promise<never> => Promise.reject(new Error('away'));
  const { port } = await serve(away, [`127.0.0.1:${outside.port}`]);
  expect(codeOf(await ask(port, 'web'))).toBe(2);
  expect((await ask(port, 'www.example.com')).answers).toMatchObject([{ data: '198.51.100.9' }]);
});
