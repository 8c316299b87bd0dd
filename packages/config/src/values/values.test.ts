// The small values: durations, hosts, addresses, ports, numbers as protobuf JSON and Kubernetes have them.
import { describe, expect, test } from 'vitest';
import type { Decoder } from '../decode/decoder.ts';
import { count, integer, uint32 } from '../decode/decoder.ts';
import { startWalk } from '../decode/walk.ts';
import { ipAddress, ipAddressOrBlock } from './address.ts';
import { base64 } from './base64.ts';
import { durationOrZero, positiveDuration } from './duration.ts';
import { hostName } from './host.ts';
import { decimal, port, portReference } from './numbers.ts';
import { emptyMap } from './plain-map.ts';
import { protocolOfPort } from './protocol.ts';

const nobody = { name: '', namespace: '', labels: emptyMap, annotations: emptyMap };

/** The value, or the code of the first problem. */
function decode<T>(decoder: Decoder<T>, value: unknown): T | string | undefined {
  const walk = startWalk(nobody);
  const decoded = decoder(value, walk);
  expect(walk.problems.length > 0).toBe(decoded === undefined);
  return decoded ?? walk.problems[0]?.code;
}

test.each([
  ['250ms', 250],
  ['1.5s', 1_500],
  ['0.3s', 300],
  ['1.001s', 1_001],
  ['1h30m', 5_400_000],
  ['100000us', 100],
  ['0s', 'out-of-range'],
  ['1us', 'invalid-duration'],
  ['-1s', 'invalid-duration'],
  ['1e9s', 'invalid-duration'],
  ['NaNs', 'invalid-duration'],
  ['Infinitys', 'invalid-duration'],
  ['5', 'invalid-duration'],
  ['999999999999999h', 'out-of-range'],
  [`${'1'.repeat(100)}s`, 'invalid-duration'],
  [5, 'wrong-type'],
  [{ seconds: 1 }, 'wrong-type'],
])('duration %j is %j', (written, expected) => expect(decode(positiveDuration, written)).toBe(expected));

test('no limit is written 0s or 0', () => {
  expect(decode(durationOrZero, '0s')).toBe(0);
  expect(decode(durationOrZero, '0')).toBe(0);
});

describe('numbers', () => {
  const past = Number.MAX_SAFE_INTEGER + 1;
  test.each([0, 65_536, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, past])('%d is no port', (value) =>
    expect(decode(port, value)).toBe('out-of-range'),
  );
  test.each(['80', '', 'http', true, [80], 80n])('%s is no port either', (value) =>
    expect(decode(port, value)).toBe('wrong-type'),
  );
  test('limits are those of the protobuf types', () => {
    expect(decode(uint32, 4_294_967_295)).toBe(4_294_967_295);
    expect(decode(uint32, 4_294_967_296)).toBe('out-of-range');
    expect(decode(count, 2_147_483_648)).toBe('out-of-range');
    expect(decode(integer(0, 10), 1e1)).toBe(10);
    expect(decode(decimal(0, 100), Number.NaN)).toBe('out-of-range');
    expect(decode(decimal(0, 100), '1')).toBe('wrong-type');
  });
  test('a port may be named', () => {
    expect(decode(portReference, 'http-2')).toBe('http-2');
    expect(decode(portReference, '8080')).toBe('wrong-type');
    expect(decode(portReference, 'HTTP')).toBe('wrong-type');
  });
});

const bad = 'invalid-host';

test.each([
  ['Reviews', 'reviews'],
  ['a.b_c.example', 'a.b_c.example'],
  ['*.example', '*.example'],
  ['*', bad],
  ['**.example', bad],
  ['a.*.example', bad],
  ['*a.example', bad],
  ['*.', bad],
  ['a..b', bad],
  ['a.', bad],
  ['.a', bad],
  ['-a', bad],
  ['a-', bad],
  ['a b', bad],
  ['a\n', bad],
  ['a/b', bad],
  ['a:80', bad],
  ['http://a', bad],
  ['10.0.0.1', bad],
  ['1.2.3', bad],
  ['::1', bad],
  ['', bad],
  ['é.example', bad],
  ['a'.repeat(64), bad],
  [`${'a.'.repeat(127)}`, bad],
  [5, 'wrong-type'],
])('host %j is %j', (written, expected) =>
  expect(decode(hostName({ wildcard: true }), written)).toBe(expected),
);

test.each(['10.0.0.1', 'fd00::1', '::', '::ffff:10.0.0.1'])('%s is an address', (written) =>
  expect(decode(ipAddress, written)).toBe(written),
);

test.each([
  '10.0.0',
  '0x7f.1',
  '010.0.0.1',
  '2130706433',
  '10.0.0.256',
  'fe80::1%eth0',
  '[::1]',
  '10.0.0.0/8',
  '',
])('%s is no address', (written) => expect(decode(ipAddress, written)).toBe('invalid-address'));

test.each([
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['fd00::/64', 'fd00::/64'],
  ['10.0.0.0/33', 'invalid-address'],
  ['10.0.0.0/-1', 'invalid-address'],
  ['10.0.0.0/8/8', 'invalid-address'],
  ['/8', 'invalid-address'],
])('block %s is %s', (written, expected) => expect(decode(ipAddressOrBlock, written)).toBe(expected));

test('base64 is decoded, and never shown when it is wrong', () => {
  expect(decode(base64, 'aGk=')).toEqual(new Uint8Array([104, 105]));
  const walk = startWalk(nobody);
  expect(base64('secret!', walk)).toBeUndefined();
  expect(JSON.stringify(walk.problems)).not.toContain('secret!');
});

test.each([
  [{ transport: 'TCP', name: 'http-api', port: 1 }, 'http'],
  [{ transport: 'TCP', name: 'grpc-web', port: 1 }, 'grpc-web'],
  [{ transport: 'TCP', name: 'httpx', port: 1 }, 'auto'],
  [{ transport: 'TCP', name: '', port: 3306 }, 'tcp'],
  [{ transport: 'TCP', name: 'unsaid', port: 22 }, 'tcp'],
  [{ transport: 'TCP', name: 'http', port: 22 }, 'http'],
  [{ transport: 'TCP', name: '', port: 80 }, 'auto'],
  [{ transport: 'TCP', name: 'http', port: 1, appProtocol: 'kubernetes.io/h2c' }, 'http2'],
  [{ transport: 'TCP', name: 'http', port: 1, appProtocol: 'acme.example/own' }, 'auto'],
  [{ transport: 'UDP', name: 'http', port: 1 }, 'udp'],
] as const)('port %j speaks %s', (words, expected) => expect(protocolOfPort(words)).toBe(expected));
