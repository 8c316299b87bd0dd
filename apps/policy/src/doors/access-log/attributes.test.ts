// Lines of access logs as bags.
import { create } from '@bufbuild/protobuf';
import {
  AccessLogType,
  HTTPAccessLogEntrySchema,
  ResponseFlagsSchema,
  TCPAccessLogEntrySchema,
} from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import { describe, expect, it } from 'vitest';
import { BagBuilder, type DropReason } from '../attributes/bag-builder.ts';
import { defaultLimits } from '../limits.ts';
import { cart, shopWorkloads } from '../testing/shop-workloads.ts';
import { testVocabulary } from '../testing/vocabulary.ts';
import { describeConnection, describeRequest } from './attributes.ts';
import { flagsText } from './response-flags.ts';

const newBag = () => {
  const drops: DropReason[] = [];
  const rules = {
    vocabulary: testVocabulary,
    limits: defaultLimits,
    countDrop: (reason: DropReason) => drops.push(reason),
  };
  return new BagBuilder(rules);
};
const inbound = { direction: 'inbound', workload: cart } as const;

const common = {
  startTime: { seconds: 100n },
  duration: { nanos: 5_000_000 },
  streamId: 'id-1',
  tlsProperties: {
    tlsSniHostname: 'sni.example',
    peerCertificateProperties: {
      subjectAltName: [{ san: { case: 'uri', value: 'spiffe://cluster.local/ns/front/sa/web' } as const }],
    },
  },
  responseFlags: { upstreamConnectionFailure: true, upstreamRetryLimitExceeded: true },
  customTags: { 'api.service': 'prices', 'source.namespace': 'forged', method: 'GET' },
};

describe('a request', () => {
  const entry = create(HTTPAccessLogEntrySchema, {
    commonProperties: common,
    request: {
      requestMethod: 1,
      authority: 'cart.shop',
      path: '/p?q=1',
      requestBodyBytes: 3n,
      requestHeadersBytes: 10n,
    },
    response: {
      responseCode: 503,
      responseBodyBytes: 7n,
      responseHeadersBytes: 20n,
      responseTrailers: { 'grpc-status': '14' },
    },
  });

  it('has what the proxy saw, and who both sides are', () => {
    const { bag } = newBagWith((builder) => describeRequest(builder, inbound, entry, shopWorkloads));
    expect(Object.fromEntries(bag)).toMatchObject({
      'request.method': 'GET',
      'request.total_size': 13n,
      'response.code': 503n,
      'response.total_size': 27n,
      'response.duration': { nanoseconds: 5_000_000n },
      'response.time': { nanoseconds: 100_005_000_000n },
      'response.grpc_status': '14',
      'context.proxy_error_code': 'UF,URX',
      'connection.id': 'id-1',
      'connection.requested_server_name': 'sni.example',
      'source.principal': 'cluster.local/ns/front/sa/web',
      'source.namespace': 'front',
      'destination.service.host': 'cart.shop.svc.cluster.local',
      'api.service': 'prices',
    });
  });

  it('that went out is the own workload’s', () => {
    const { bag } = newBagWith((builder) =>
      describeRequest(builder, { direction: 'outbound', workload: cart }, entry, shopWorkloads),
    );
    expect([bag.get('source.uid'), bag.get('context.reporter.kind')]).toEqual([cart.uid, 'outbound']);
    expect(bag.get('destination.service.host')).toBe('cart.shop');
  });
});

describe('a connection', () => {
  it.each([
    [AccessLogType.TcpUpstreamConnected, 'open', undefined],
    [AccessLogType.TcpPeriodic, 'continue', undefined],
    [AccessLogType.TcpConnectionEnd, 'close', 5n],
  ])('%s is %s', (accessLogType, event, received) => {
    const entry = create(TCPAccessLogEntrySchema, {
      commonProperties: { ...common, accessLogType },
      connectionProperties: { receivedBytes: 5n, sentBytes: 6n },
    });
    const { bag } = newBagWith((builder) => describeConnection(builder, inbound, entry, shopWorkloads));
    expect([bag.get('connection.event'), bag.get('connection.received.bytes')]).toEqual([event, received]);
    expect(bag.get('connection.sent.bytes_total')).toBe(6n);
    expect(bag.get('context.protocol')).toBe('tcp');
  });
});

it('no flags are a dash', () => expect(flagsText(create(ResponseFlagsSchema))).toBe('-'));

function newBagWith(fill: (builder: BagBuilder) => void): BagBuilder {
  const builder = newBag();
  fill(builder);
  return builder;
}

it.each<[unknown, bigint | undefined]>([
  [42, 42n],
  [-1, undefined],
  [1.5, undefined],
  ['42', undefined],
])('tokens that a filter found in the answer are %o', (total, expected) => {
  const vocabulary = {
    ...testVocabulary,
    get: (name: string) =>
      name === 'response.tokens' ? ({ name, type: 'INT64' } as const) : testVocabulary.get(name),
  };
  const builder = new BagBuilder({ vocabulary, limits: defaultLimits, countDrop: () => undefined });
  const metadata = { filterMetadata: { 'xebec.tokens': { total: total as number } } };
  const entry = create(HTTPAccessLogEntrySchema, { commonProperties: { ...common, metadata } });
  describeRequest(builder, inbound, entry, shopWorkloads);
  expect(builder.bag.get('response.tokens')).toBe(expected);
});
