// Consistent hashing: one key, one kind of table; sizes that Envoy would refuse are refused here.
import { andThen, boolean, type Decoder, integer, list } from '../../decode/decoder.ts';
import { type Decoded, exactlyOne, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { durationOrZero } from '../../values/duration.ts';
import { headerName, nonEmptyPrintable, printable } from '../../values/http.ts';
import type { HashKey, HashTable, LoadBalancer } from './spec.ts';

const largestRing = 8_388_608;
const largestMaglev = 5_000_010;
const defaultRing: HashTable = { kind: 'ring', minimumSize: 1_024 };
const defaultMaglev = 65_537;

/** Nothing may end the cookie's attribute early. */
const cookieText = andThen(printable, (value, walk) => {
  if (!/[;,\s]/.test(value)) return value;
  const message = 'holds a space, comma or semicolon';
  return refuse(walk, { code: 'invalid-text', message, remedy: 'write one word' });
});

type CookieAttribute = { readonly name: string; readonly value: string };

const cookieShape = {
  name: required(headerName),
  path: optional(cookieText),
  ttl: optional(durationOrZero),
  attributes: withDefault<readonly CookieAttribute[]>(
    list(object({ name: required(headerName), value: withDefault(cookieText, '') }), { most: 100 }),
    [],
  ),
};

const cookie: Decoder<HashKey> = andThen(object(cookieShape), ({ name, path, ttl, attributes }) => ({
  kind: 'cookie',
  name,
  ...(path === undefined ? {} : { path }),
  ...(ttl === undefined ? {} : { ttlMs: ttl }),
  attributes,
}));

const ringSize = integer(0, largestRing);

const maglevSize: Decoder<number> = andThen(integer(0, largestMaglev), (size, walk) => {
  if (size === 0 || isPrime(size)) return size;
  const message = `must be a prime number, is ${size}`;
  return refuse(walk, { code: 'out-of-range', message, remedy: `write ${nextPrime(size)} or leave it out` });
});

function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}

function nextPrime(value: number): number {
  let candidate = Math.max(2, Math.min(value, 4_999_999));
  while (!isPrime(candidate)) candidate++;
  return candidate;
}

const keyNames = ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'] as const;

const shape = {
  httpHeaderName: optional(headerName),
  httpCookie: optional(cookie),
  useSourceIp: optional(boolean),
  httpQueryParameterName: optional(nonEmptyPrintable),
  minimumRingSize: optional(ringSize),
  ringHash: optional(object({ minimumRingSize: optional(ringSize) })),
  maglev: optional(object({ tableSize: optional(maglevSize) })),
};

export const consistentHash: Decoder<Pick<LoadBalancer, 'hash' | 'hashTable'>> = andThen(
  object(shape),
  (value, walk) => {
    const hash = keyOf(value, walk);
    const hashTable = tableOf(value, walk);
    return hash === undefined || hashTable === undefined ? undefined : { hash, hashTable };
  },
);

function keyOf(value: Decoded<typeof shape>, walk: Walk): HashKey | undefined {
  const { httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName } = value;
  if (!exactlyOne({ ...value, useSourceIp: useSourceIp === true ? true : undefined }, keyNames, walk)) return;
  if (httpCookie !== undefined) return httpCookie;
  if (httpHeaderName !== undefined) return { kind: 'header', name: httpHeaderName };
  if (httpQueryParameterName !== undefined) return { kind: 'query', name: httpQueryParameterName };
  return { kind: 'source-ip' };
}

/** A size of 0 is how protobuf writes "not set". */
function tableOf(value: Decoded<typeof shape>, walk: Walk): HashTable | undefined {
  const { ringHash, maglev, minimumRingSize: oldSize } = value;
  if (maglev !== undefined && (ringHash !== undefined || (oldSize ?? 0) > 0)) {
    const message = 'maglev and a ring exclude each other';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'maglev');
  }
  if (maglev !== undefined) return { kind: 'maglev', size: maglev.tableSize || defaultMaglev };
  const size = ringHash?.minimumRingSize || oldSize || 0;
  return size === 0 ? defaultRing : { kind: 'ring', minimumSize: size };
}
