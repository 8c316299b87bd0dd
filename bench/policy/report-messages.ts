// What proxies and programs report: messages of some hundred bags, each of ordinary size.
import { create, toBinary } from '@bufbuild/protobuf';
import { RequestMethod } from '@xebec/protos/envoy/config/core/v3/base_pb';
import { AccessLogType } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import { StreamAccessLogsMessageSchema } from '@xebec/protos/envoy/service/accesslog/v3/als_pb';
import { ReportRequestSchema } from '@xebec/protos/xebec/policy/v1/policy_pb';

const at = (address: string, port: number) => ({
  address: {
    case: 'socketAddress' as const,
    value: { address, portSpecifier: { case: 'portValue' as const, value: port } },
  },
});

const client = 'spiffe://cluster.local/ns/bench/sa/client';

const lineOf = (index: number) => ({
  commonProperties: {
    downstreamRemoteAddress: at('127.30.5.1', 40_000 + index),
    downstreamLocalAddress: at('127.30.5.10', 8_080),
    downstreamDirectRemoteAddress: at('127.30.5.1', 40_000 + index),
    tlsProperties: {
      tlsSniHostname: 'outbound_.8080_._.told.bench.example',
      peerCertificateProperties: { subjectAltName: [{ san: { case: 'uri' as const, value: client } }] },
    },
    startTime: { seconds: 1_800_000_000n, nanos: index },
    duration: { seconds: 0n, nanos: 2_345_678 },
    upstreamCluster: 'inbound|8080||',
    routeName: 'default',
    streamId: `6f1b1e1e-3b0e-9d5e-8c0c-${String(index).padStart(12, '0')}`,
    metadata: { filterMetadata: { 'xebec.peer': { workload: 'client' } } },
    accessLogType: AccessLogType.DownstreamEnd,
  },
  request: {
    requestMethod: RequestMethod.GET,
    ...{ scheme: 'http', authority: 'told.bench.example:8080', path: `/reviews/${index}?verbose=1` },
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)',
    requestId: `6f1b1e1e-3b0e-9d5e-8c0c-${String(index).padStart(12, '0')}`,
    requestHeadersBytes: 512n,
  },
  response: { responseCode: 200, responseHeadersBytes: 180n, responseBodyBytes: 256n },
});

/** What the proxy of a workload sends; its node goes into the first message of a stream, and does no harm in others. */
export const logMessage = (workload: string, lines: number): Uint8Array =>
  toBinary(
    StreamAccessLogsMessageSchema,
    create(StreamAccessLogsMessageSchema, {
      identifier: {
        logName: 'xebec.policy.report',
        node: { id: `sidecar~127.30.5.10~${workload}.bench~bench.svc.cluster.local` },
      },
      logEntries: {
        case: 'httpLogs',
        value: { logEntry: Array.from({ length: lines }, (_, index) => lineOf(index)) },
      },
    }),
  );

const text = (value: string) => ({ value: { case: 'stringValue' as const, value } });

/** What a program reports: each bag whole, as Mixer's clients did without deltas. */
export const reportMessage = (bags: number): Uint8Array =>
  toBinary(
    ReportRequestSchema,
    create(ReportRequestSchema, {
      attributes: Array.from({ length: bags }, (_, index) => ({
        attributes: {
          'api.service': text('models'),
          'request.method': text('POST'),
          'request.path': text(`/v1/chat/completions/${index}`),
          'request.headers': {
            value: { case: 'stringMapValue' as const, value: { entries: { 'x-user': `user-${index}` } } },
          },
          'response.code': { value: { case: 'int64Value' as const, value: 200n } },
          'response.size': { value: { case: 'int64Value' as const, value: BigInt(index) } },
          'response.duration': {
            value: { case: 'durationValue' as const, value: { seconds: 0n, nanos: 7_000_000 } },
          },
        },
      })),
    }),
  );
