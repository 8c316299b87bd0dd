// B24: every number of the traffic kinds is taken exactly as it is written, or refused at its place; never rounded, wrapped or guessed.
import { type Diagnostic, fail, type Result } from '@xebec/std';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseObject } from '../object/parse-object.ts';
import { parseDocuments } from '../yaml/parse-documents.ts';
import type { AnyObject } from './kind-map.ts';

/** What a field may hold, as it is written. */
interface Sort {
  readonly good: Readonly<Record<string, number>>;
  readonly bad: readonly string[];
}

/** Wrong for whole numbers of any size. Text is no number, as in Kubernetes, also where protobuf would write a 64-bit one. */
const never: readonly string[] = [
  ...[
    '-1',
    '1.5',
    '-9223372036854775809',
    '9007199254740993',
    '18446744073709551615',
    '18446744073709551616',
  ],
  ...['1e400', '.inf', '-.inf', '.nan', 'NaN', 'Infinity', '-Infinity', '1e9s', '1_000', '1,000', '0b11'],
  ...[
    '"80"',
    '"0x50"',
    '"18446744073709551615"',
    '""',
    '" 1"',
    '"١"',
    'true',
    '[]',
    '[1]',
    '{}',
    '{ value: 1 }',
  ],
];
const whole = (least: number, most: number): Sort => ({
  good: { [least]: least, [most]: most, [`0x${most.toString(16)}`]: most, [`${most}.0`]: most },
  bad: [...never, ...(least > 0 ? ['0', '-0', '0.0'] : []), String(most + 1), `${most}.5`, `-${most}`],
});
const decimal = (most: number): Sort => ({
  good: { [most]: most, [`${most}.0`]: most, '0.25': 0.25, '1e-2': 0.01, '1.5': 1.5 },
  bad: [...never.filter((text) => text !== '1.5'), String(most + 0.1), '-0.1', '"0.5"'],
});
const port = whole(1, 65_535);
/** What holds a letter may be the name of a port. */
const names: readonly string[] = ['1e9s', '0b11', '"0x50"'];
const portOrName: Sort = { ...port, bad: port.bad.filter((text) => !names.includes(text)) };
const int32 = whole(0, 0x7fff_ffff);
const uint32 = whole(0, 0xffff_ffff);
const percent = whole(0, 100);
const seconds = whole(1, 86_400);

const noDurations: readonly string[] = [
  ...['1e9s', '1e400s', '-1s', 'NaN', 'NaNs', '.nan', '.inf', 'Infinity', 'Infinitys', '0x1s', '1,5s', '١s'],
  ...[
    '5',
    '1.5',
    '""',
    '" 1s"',
    '1 s',
    '1d',
    '1S',
    '"1s "',
    's',
    '.5s',
    '1.s',
    '1h-1m',
    '1s1',
    '[1s]',
    '{}',
    'true',
  ],
  ...['99999999999999999999h', '9223372036854775807h', '315576000001s', '0.0001ms', '1ns', '1.0000001s'],
  `${'1'.repeat(60)}s`,
];
const longest = { '315576000000s': 315_576_000_000_000 };
const times = { '1ms': 1, '1h30m': 5_400_000, '0.25s': 250, '1m0.5s': 60_500, ...longest };
const positive: Sort = { good: times, bad: [...noDurations, '0s', '0ms'] };
const orZero: Sort = { good: { ...times, '0s': 0 }, bad: noDurations };

type Row = readonly [template: string, sort: Sort];
const policy = (text: string): string => `{ host: a.example, trafficPolicy: { ${text} } }`;
const tcp = (text: string): string => policy(`connectionPool: { tcp: { ${text} } }`);
const http = (text: string): string => policy(`connectionPool: { http: { ${text} } }`);
const outlier = (text: string): string => policy(`outlierDetection: { ${text} }`);
const balancer = (text: string): string => policy(`loadBalancer: { ${text} }`);
const hash = (text: string): string => balancer(`consistentHash: { ${text} }`);
const route = (text: string): string =>
  `{ hosts: [a.example], http: [{ route: [{ destination: { host: a.example } }], ${text} }] }`;
const redirect = (text: string): string => `{ hosts: [a.example], http: [{ redirect: { ${text} } }] }`;
const destinations = (kind: string, match: string): string =>
  `{ hosts: [a.example], ${kind}: [{ ${match}route: [{ destination: { host: a, port: { number: NUMBER } } }] }] }`;
const weights = (kind: string, match: string): string =>
  `{ hosts: [a.example], ${kind}: [{ ${match}route: [{ destination: { host: a }, weight: NUMBER }, { destination: { host: b }, weight: 1 }] }] }`;
const tls = 'match: [{ sniHosts: [a.example] }], ';
const weight: Sort = { ...uint32, good: { '0': 0, '1': 1, '4294967294': 4_294_967_294, '9.0': 9 } };
const entryPort = (text: string): string =>
  `{ hosts: [a.example], resolution: STATIC, ports: [{ name: http, protocol: HTTP, ${text} }], endpoints: [{ address: 10.0.0.1 }] }`;
const endpoint = (text: string): string =>
  `{ hosts: [a.example], resolution: STATIC, ports: [{ name: http, number: 80 }], endpoints: [{ address: 10.0.0.1, ${text} }] }`;
const probe = (text: string): string => `{ template: {}, probe: { httpGet: { port: 80 }, ${text} } }`;
const container = (text: string): string =>
  `{ selector: { matchLabels: { app: a } }, template: { metadata: { labels: { app: a } }, spec: { containers: [{ name: a, image: a, ${text} }] } } }`;

const istio = 'networking.istio.io/v1';
const kinds: Readonly<Record<string, readonly [apiVersion: string, rows: readonly Row[]]>> = {
  DestinationRule: [
    istio,
    [
      [tcp('maxConnections: NUMBER'), int32],
      [tcp('connectTimeout: NUMBER'), positive],
      [tcp('maxConnectionDuration: NUMBER'), positive],
      [tcp('idleTimeout: NUMBER'), orZero],
      [tcp('tcpKeepalive: { probes: NUMBER }'), uint32],
      [tcp('tcpKeepalive: { time: NUMBER }'), positive],
      [tcp('tcpKeepalive: { interval: NUMBER }'), positive],
      [http('http1MaxPendingRequests: NUMBER'), int32],
      [http('http2MaxRequests: NUMBER'), int32],
      [http('maxRequestsPerConnection: NUMBER'), int32],
      [http('maxRetries: NUMBER'), int32],
      [http('maxConcurrentStreams: NUMBER'), int32],
      [http('idleTimeout: NUMBER'), orZero],
      [http('http2KeepAlive: { interval: NUMBER, timeout: 1s }'), positive],
      [outlier('consecutiveErrors: NUMBER'), int32],
      [outlier('consecutiveGatewayErrors: NUMBER'), uint32],
      [outlier('consecutive5xxErrors: NUMBER'), uint32],
      [outlier('consecutiveLocalOriginFailures: NUMBER, splitExternalLocalOriginErrors: true'), uint32],
      [outlier('interval: NUMBER'), positive],
      [outlier('baseEjectionTime: NUMBER'), positive],
      [outlier('maxEjectionPercent: NUMBER'), percent],
      [outlier('minHealthPercent: NUMBER'), percent],
      [outlier('outlierDetectionHttpErrorCodes: [NUMBER]'), whole(100, 599)],
      [balancer('warmup: { duration: NUMBER }'), positive],
      [balancer('warmupDurationSecs: NUMBER'), positive],
      [balancer('warmup: { duration: 1s, minimumPercent: NUMBER }'), decimal(100)],
      [balancer('warmup: { duration: 1s, aggression: NUMBER }'), decimal(1_000)],
      [hash('useSourceIp: true, minimumRingSize: NUMBER'), whole(0, 8_388_608)],
      [hash('useSourceIp: true, ringHash: { minimumRingSize: NUMBER }'), whole(0, 8_388_608)],
      [hash('httpCookie: { name: a, ttl: NUMBER }'), orZero],
      [policy('retryBudget: { percent: NUMBER }'), decimal(100)],
      [policy('retryBudget: { minRetryConcurrency: NUMBER }'), uint32],
      [policy('retryBudget: { budgetInterval: NUMBER }'), orZero],
      [policy('tunnel: { targetHost: b.example, targetPort: NUMBER }'), port],
      [policy('portLevelSettings: [{ port: { number: NUMBER } }]'), port],
    ],
  ],
  VirtualService: [
    istio,
    [
      [weights('http', ''), weight],
      [weights('tcp', ''), weight],
      [weights('tls', tls), weight],
      [destinations('http', ''), port],
      [destinations('tcp', ''), port],
      [destinations('tls', tls), port],
      [route('match: [{ port: NUMBER }]'), port],
      [route('timeout: NUMBER'), orZero],
      [route('retries: { attempts: NUMBER }'), int32],
      [route('retries: { attempts: 1, perTryTimeout: NUMBER }'), orZero],
      [route('retries: { attempts: 1, backoff: NUMBER }'), positive],
      [route('fault: { delay: { fixedDelay: NUMBER, percentage: { value: 1 } } }'), positive],
      [route('fault: { delay: { fixedDelay: 1s, percentage: { value: NUMBER } } }'), decimal(100)],
      [route('fault: { delay: { fixedDelay: 1s, percent: NUMBER } }'), percent],
      [route('fault: { abort: { httpStatus: NUMBER, percentage: { value: 1 } } }'), whole(200, 599)],
      [route('mirror: { host: b.example }, mirrorPercentage: { value: NUMBER }'), decimal(100)],
      [route('mirror: { host: b.example }, mirrorPercent: NUMBER'), percent],
      [route('mirrors: [{ destination: { host: b.example }, percentage: { value: NUMBER } }]'), decimal(100)],
      [route('corsPolicy: { allowOrigins: [{ exact: a }], maxAge: NUMBER }'), orZero],
      [redirect('port: NUMBER'), port],
      ['{ hosts: [a.example], http: [{ directResponse: { status: NUMBER } }] }', whole(200, 599)],
    ],
  ],
  ServiceEntry: [
    istio,
    [
      [entryPort('number: NUMBER'), port],
      [entryPort('number: 80, targetPort: NUMBER'), port],
      [endpoint('ports: { http: NUMBER }'), port],
      [endpoint('weight: NUMBER'), uint32],
    ],
  ],
  WorkloadEntry: [
    istio,
    [
      ['{ address: 10.0.0.1, ports: { http: NUMBER } }', port],
      ['{ address: 10.0.0.1, weight: NUMBER }', uint32],
    ],
  ],
  WorkloadGroup: [
    istio,
    [
      ['{ template: { ports: { http: NUMBER } } }', port],
      ['{ template: { weight: NUMBER } }', uint32],
      ['{ template: {}, probe: { tcpSocket: { port: NUMBER } } }', port],
      [probe('initialDelaySeconds: NUMBER'), whole(0, 86_400)],
      [probe('periodSeconds: NUMBER'), seconds],
      [probe('timeoutSeconds: NUMBER'), seconds],
      [probe('successThreshold: NUMBER'), whole(1, 1_000)],
      [probe('failureThreshold: NUMBER'), whole(1, 10_000)],
    ],
  ],
  Service: [
    'v1',
    [
      ['{ ports: [{ port: NUMBER }] }', port],
      ['{ ports: [{ port: 80, targetPort: NUMBER }] }', portOrName],
    ],
  ],
  Gateway: [
    istio,
    [
      [
        '{ selector: { app: a }, servers: [{ hosts: ["*"], port: { name: http, protocol: HTTP, number: NUMBER } }] }',
        port,
      ],
    ],
  ],
  Deployment: [
    'apps/v1',
    [
      [container('ports: [{ containerPort: NUMBER }]'), port],
      [container('readinessProbe: { tcpSocket: { port: NUMBER } }'), port],
      [container('readinessProbe: { grpc: { port: NUMBER } }'), port],
    ],
  ],
};

/** `spec.http[0].timeout`: where the number stands. */
function placeOf(value: unknown, path: string): string | undefined {
  if (value === 'NUMBER') return path;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = placeOf(inner, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Field {
  readonly kind: string;
  readonly place: string;
  readonly sort: Sort;
  /** Block style, with NUMBER for the number. */
  readonly text: string;
}

const fields: readonly Field[] = Object.entries(kinds).flatMap(([kind, [apiVersion, rows]]) =>
  rows.map(([template, sort]): Field => {
    const spec: unknown = parse(template);
    const text = stringify({ apiVersion, kind, metadata: { name: 'a' }, spec });
    return { kind, place: placeOf(spec, 'spec') ?? '', sort, text };
  }),
);

/** The line where the number stands, from 1. */
const lineOf = (text: string): number => text.slice(0, text.indexOf('NUMBER')).split('\n').length;

function decode({ text }: Pick<Field, 'text'>, written: string): Result<AnyObject> {
  const { objects, diagnostics } = parseDocuments(
    text.replace('NUMBER', () => written),
    'a.yaml',
  );
  const [raw] = objects;
  return raw === undefined ? fail(...diagnostics) : parseObject(raw, { defaultNamespace: 'default' });
}

/** What JavaScript cannot keep exactly is refused before anybody asks what it means: by its line. */
const isAt = ({ text, place }: Field, { field, origin }: Diagnostic): boolean =>
  field === undefined ? origin?.line === lineOf(text) : field.startsWith(place);

function numbersIn(value: unknown): readonly number[] {
  if (typeof value === 'number') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(numbersIn);
}

describe.each(fields)('$kind $place', (field) => {
  it('is taken exactly', () => {
    for (const [written, meant] of Object.entries(field.sort.good)) {
      const result = decode(field, written);
      expect(result, written).toMatchObject({ ok: true });
      // 0 is often how protobuf writes "not set"; seconds are kept as milliseconds.
      if (!result.ok || meant === 0) continue;
      const kept = numbersIn(result.value.spec);
      expect(kept.includes(meant) || kept.includes(meant * 1_000), `${written}: ${kept.join()}`).toBe(true);
    }
  });

  it('is refused at its place otherwise', () => {
    const accepted = field.sort.bad.filter((written) => {
      const result = decode(field, written);
      return result.ok || !result.diagnostics.some((each) => isAt(field, each));
    });
    expect(accepted).toEqual([]);
  });
});

describe('weights', () => {
  const one = '{ destination: { host: a }, weight: 0 }';
  const routes = (...items: readonly string[]): string =>
    `apiVersion: ${istio}\nkind: VirtualService\nmetadata: { name: a }\nspec: { hosts: [a.example], http: [{ route: [${items.join()}] }] }\n`;
  const codes = (text: string): readonly string[] => {
    const result = decode({ text }, '');
    return result.ok ? [] : result.diagnostics.map(({ code }) => code);
  };

  it('need not sum to 100, but to something that Envoy can add up', () => {
    expect(
      codes(routes('{ destination: { host: a }, weight: 3 }', '{ destination: { host: b }, weight: 4 }')),
    ).toEqual([]);
    expect(codes(routes(one, one))).toEqual(['invalid-weights']);
    const most = '{ destination: { host: a }, weight: 4294967295 }';
    expect(codes(routes(most, one))).toEqual([]);
    expect(codes(routes(most, most))).toEqual(['invalid-weights']);
  });

  it('of localities are percents of the whole', () => {
    const rule = (to: string): string =>
      `apiVersion: ${istio}\nkind: DestinationRule\nmetadata: { name: a }\nspec: ${balancer(`localityLbSetting: { distribute: [{ from: a, to: ${to} }] }`)}\n`;
    expect(codes(rule('{ a: 70, b: 30 }'))).toEqual([]);
    for (const to of ['{ a: 70 }', '{ a: 70, b: 31 }', '{ a: 0, b: 0 }'])
      expect(codes(rule(to)), to).toEqual(['weights']);
    for (const share of ['-1', '101', '1.5', '.nan', '"100"', '4294967296'])
      expect(codes(rule(`{ a: ${share} }`)), share).not.toEqual([]);
  });
});
