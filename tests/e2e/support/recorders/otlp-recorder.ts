// What a collector would read of OTLP over HTTP with JSON. Rule: read with OpenTelemetry's own protos, so that what no collector takes fails the test.
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from '@bufbuild/protobuf';
import { ExportLogsServiceRequestSchema } from '@xebec/protos/opentelemetry/proto/collector/logs/v1/logs_service_pb';
import { ExportMetricsServiceRequestSchema } from '@xebec/protos/opentelemetry/proto/collector/metrics/v1/metrics_service_pb';
import { ExportTraceServiceRequestSchema } from '@xebec/protos/opentelemetry/proto/collector/trace/v1/trace_service_pb';
import type { KeyValue } from '@xebec/protos/opentelemetry/proto/common/v1/common_pb';
import type { LogRecord } from '@xebec/protos/opentelemetry/proto/logs/v1/logs_pb';
import type { Metric } from '@xebec/protos/opentelemetry/proto/metrics/v1/metrics_pb';
import type { Span } from '@xebec/protos/opentelemetry/proto/trace/v1/trace_pb';
import { type HttpRecorder, startHttpRecorder } from './http-recorder.ts';

export interface OtlpRecorder extends HttpRecorder {
  logs(): readonly LogRecord[];
  spans(): readonly Span[];
  metrics(): readonly Metric[];
}

export async function startOtlpRecorder(): Promise<OtlpRecorder> {
  const http = await startHttpRecorder();
  const of = <Desc extends DescMessage>(path: string, desc: Desc): readonly MessageShape<Desc>[] =>
    http.posted.filter((each) => each.path === path).map(({ body }) => fromJson(desc, asProtoJson(body)));
  return Object.assign(http, {
    logs: () =>
      of('/v1/logs', ExportLogsServiceRequestSchema).flatMap(({ resourceLogs }) =>
        resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords)),
      ),
    spans: () =>
      of('/v1/traces', ExportTraceServiceRequestSchema).flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      ),
    metrics: () =>
      of('/v1/metrics', ExportMetricsServiceRequestSchema).flatMap(({ resourceMetrics }) =>
        resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics)),
      ),
  });
}

const identifiers = new Set(['traceId', 'spanId', 'parentSpanId']);

/** OTLP writes identifiers in hexadecimal digits where JSON of protos has base64; all else is the same. */
function asProtoJson(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(asProtoJson);
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      identifiers.has(name) && typeof each === 'string'
        ? Buffer.from(each, 'hex').toString('base64')
        : asProtoJson(each),
    ]),
  );
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Texts, numbers and flags by their names. */
export const attributesOf = (pairs: readonly KeyValue[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, value?.value.value]));
