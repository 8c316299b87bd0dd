// Fetching for a configuration: closed addresses stay closed, whatever names, redirects and resolvers say.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createAddressGuard } from './address-guard.ts';
import { fetchGuarded, type Resolve } from './guarded-fetch.ts';

const closed = [
  '127.0.0.1',
  '127.9.9.9',
  '0.0.0.0',
  '169.254.169.254',
  '100.100.100.200',
  '168.63.129.16',
  '::1',
  '::',
  'fe80::1',
  'fd00:ec2::254',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '::7f00:1',
  '64:ff9b::a9fe:a9fe',
  '2002:7f00:1::1',
  '224.0.0.1',
  'not an address',
];

test.each(closed)('[B16] %s is closed by default', (address) => {
  expect(createAddressGuard([]).isOpen('keys.example', address)).toBe(false);
});

test.each(['192.0.2.7', '10.1.2.3', '2001:db8::1', '64:ff9b::c000:207'])('%s is open', (address) => {
  expect(createAddressGuard([]).isOpen('keys.example', address)).toBe(true);
});

test('what is named is open: an address, a block, a host', () => {
  const guard = createAddressGuard(['127.0.0.0/8', '::1', 'Keys.Example']);
  expect(guard.isOpen('other', '127.0.0.1') && guard.isOpen('other', '::1')).toBe(true);
  expect(guard.isOpen('keys.example', '169.254.169.254')).toBe(true);
  expect(guard.isOpen('other', '169.254.169.254')).toBe(false);
});

async function serve(listener: RequestListener): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

const limits = { timeoutMs: 5_000, mostBytes: 1_000 };
const local = createAddressGuard(['127.0.0.0/8']);

/** A resolver that answers with these, one after the other. */
const resolving = (...addresses: readonly string[]): Resolve => {
  let asked = 0;
  const resolve = (
    _host: string,
    _options: object,
    callback: (error: null, found: { address: string; family: number }[]) => void,
  ) => callback(null, [{ address: addresses[asked++] ?? '127.0.0.1', family: 4 }]);
  return resolve as unknown as Resolve;
};

test('[B16] addresses, names and redirects that lead to closed addresses are not called', async () => {
  let calls = 0;
  await using target = await serve((_request, response) => {
    calls++;
    response.end('secret');
  });
  await using hop = await serve((_request, response) =>
    response.writeHead(302, { location: `http://127.0.0.1:${target.port}/` }).end(),
  );
  const guard = createAddressGuard([]);
  const named = createAddressGuard(['hop.example']);
  const direct = await fetchGuarded(`http://127.0.0.1:${target.port}/`, { ...limits, guard });
  const numeric = await fetchGuarded(`http://2130706433:${target.port}/`, { ...limits, guard });
  const resolve = resolving('127.0.0.1');
  const byName = await fetchGuarded(`http://a.example:${target.port}/`, { ...limits, guard, resolve });
  const options = { ...limits, guard: named, resolve };
  const redirected = await fetchGuarded(`http://hop.example:${hop.port}/`, options);
  expect([direct, numeric, byName, redirected].map(({ kind }) => kind)).toEqual(Array(4).fill('failed'));
  expect(direct).toMatchObject({ reason: expect.stringContaining('may not be called') });
  expect(calls).toBe(0);
});

test('[B16] what is connected to is what was checked, also when a name means something else a moment later', async () => {
  let calls = 0;
  await using target = await serve((_request, response) => {
    calls++;
    response.end('secret');
  });
  const guard = createAddressGuard([]);
  // First an address that is open but answers nobody, then this machine.
  const resolve = resolving('192.0.2.1', '127.0.0.1', '127.0.0.1');
  const options = { timeoutMs: 300, mostBytes: 1_000, guard, resolve };
  const answer = await fetchGuarded(`http://a.example:${target.port}/`, options);
  expect(answer.kind).toBe('failed');
  expect(calls).toBe(0);
});

test('[B17] an answer is bounded in size and time', async () => {
  await using server = await serve((request, response) => {
    if (request.url === '/big') response.end(Buffer.alloc(50 * 1024 * 1024));
    else if (request.url === '/slow') response.write('{');
    else if (request.url === '/again') response.writeHead(302, { location: '/again' }).end();
    else if (request.url === '/gone') response.writeHead(404).end('no');
    else response.end('{"keys":[]}');
  });
  const ask = (path: string) =>
    fetchGuarded(`http://127.0.0.1:${server.port}${path}`, { ...limits, timeoutMs: 500, guard: local });
  expect(await ask('/')).toEqual({ kind: 'text', text: '{"keys":[]}' });
  expect(await ask('/big')).toMatchObject({ reason: expect.stringContaining('more than 1000 bytes') });
  expect(await ask('/slow')).toMatchObject({ reason: expect.stringContaining('within 0.5 s') });
  expect(await ask('/again')).toMatchObject({ reason: expect.stringContaining('redirects') });
  expect(await ask('/gone')).toMatchObject({ reason: expect.stringContaining('404') });
});
