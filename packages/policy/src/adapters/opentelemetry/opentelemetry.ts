// opentelemetry: metrics, logs and spans to a collector, by OTLP over HTTP with JSON. Rule: a batch is taken or has failed; what the collector says it left out is counted as lost.
import { policyReferences } from '@xebec/config';
import { decodeWith, isMap } from '@xebec/config/decode';
import { Timestamp } from '../../attributes/value.ts';
import type { Instance } from '../../templates/template.ts';
import { callTimeoutMs, expectTaken, type HttpAnswer, type OpenHttp } from '../http-backend.ts';
import type { Adapter, AdapterForm, HandlerContext } from '../sdk.ts';
import { type CallSpan, isSampled, spanOf } from '../spans.ts';
import { fieldsOf, textOf } from '../texts.ts';
import { keyValues, nanoseconds } from './attributes.ts';
import { otlpMetrics } from './metrics.ts';
import { type OpentelemetryConfig, type OtlpMetric, opentelemetryParams } from './params.ts';

export const opentelemetryForm: AdapterForm<OpentelemetryConfig> = {
  name: 'opentelemetry',
  aliases: ['otlp'],
  description: 'metrics, logs and spans of calls to an OpenTelemetry collector',
  templates: ['metric', 'logentry', 'tracespan', 'edge'],
  parse: (params) => decodeWith(opentelemetryParams, params ?? {}),
};

export const createOpentelemetry = (open: OpenHttp): Adapter<OpentelemetryConfig> => ({
  ...opentelemetryForm,
  build(config, context) {
    const { now } = context;
    const client = open(config.backend);
    const metrics = metricsByInstance(config, context);
    const around = {
      resource: { attributes: keyValues({ 'service.name': 'xebec-policy', ...config.resource }) },
    };
    let toldMs = now();
    return {
      async report(instances, signal) {
        const period = { startMs: toldMs, endMs: Math.max(now(), toldMs) };
        toldMs = period.endMs;
        const parts = signalsOf(instances, { config, metrics, context, period });
        const sent = await Promise.allSettled(
          parts.map(async ({ path, body, count }) => {
            const lost = rejectedIn(await client.post(path, body(around), signal));
            context.countLoss(lost);
            context.countTaken(Math.max(0, count - lost));
          }),
        );
        const failed = sent.find(({ status }) => status === 'rejected');
        if (failed?.status === 'rejected') throw failed.reason;
      },
      timeoutMs: callTimeoutMs(config.backend),
      close: () => client.close(),
    };
  },
});

function metricsByInstance(
  { metrics }: OpentelemetryConfig,
  { namespace }: HandlerContext,
): ReadonlyMap<string, OtlpMetric> {
  const found = new Map<string, OtlpMetric>();
  for (const [written, metric] of Object.entries(metrics)) {
    for (const each of policyReferences(written, { kind: 'instance', namespace }))
      found.set(`${each.name}.instance.${each.namespace}`, metric);
  }
  return found;
}

interface Telling {
  readonly config: OpentelemetryConfig;
  readonly metrics: ReadonlyMap<string, OtlpMetric>;
  readonly context: HandlerContext;
  readonly period: { readonly startMs: number; readonly endMs: number };
}

interface Part {
  readonly path: string;
  /** Instances it tells of. */
  readonly count: number;
  readonly body: (around: object) => unknown;
}

const scope = { name: 'xebec-policy' };

/** One request for each kind of signal there is something of. */
function signalsOf(instances: readonly Instance[], telling: Telling): readonly Part[] {
  const of = (...templates: readonly string[]) =>
    instances.filter(({ template }) => templates.includes(template));
  const measured = of('metric');
  const metrics = otlpMetrics(measured, (name) => telling.metrics.get(name), telling.period);
  const logs = of('logentry', 'edge').map((instance) => logRecord(instance, telling.period.endMs));
  const spans = spansOf(of('tracespan'), telling);
  const parts: Part[] = [];
  if (metrics.length > 0)
    parts.push({
      path: '/v1/metrics',
      count: measured.length,
      body: (around) => ({ resourceMetrics: [{ ...around, scopeMetrics: [{ scope, metrics }] }] }),
    });
  if (logs.length > 0)
    parts.push({
      path: '/v1/logs',
      count: logs.length,
      body: (around) => ({ resourceLogs: [{ ...around, scopeLogs: [{ scope, logRecords: logs }] }] }),
    });
  if (spans.length > 0)
    parts.push({
      path: '/v1/traces',
      count: spans.length,
      body: (around) => ({ resourceSpans: [{ ...around, scopeSpans: [{ scope, spans }] }] }),
    });
  return parts;
}

function spansOf(instances: readonly Instance[], { config, context }: Telling) {
  const spans = instances.flatMap((instance) => spanOf(instance, context.now()) ?? []);
  if (spans.length < instances.length) context.countLoss(instances.length - spans.length);
  return spans.filter((span) => isSampled(span, config.sampleProbability)).map(otlpSpan);
}

const otlpSpan = (span: CallSpan) => ({
  traceId: span.traceId,
  spanId: span.spanId,
  parentSpanId: span.parentSpanId,
  name: span.name,
  kind: span.isClient ? 3 : 2,
  startTimeUnixNano: String(span.start),
  endTimeUnixNano: String(span.end),
  attributes: keyValues({
    ...span.tags,
    ...(span.localName === '' ? {} : { 'xebec.local': span.localName }),
    ...(span.remoteName === '' ? {} : { 'peer.service': span.remoteName }),
    ...(span.httpStatus === undefined ? {} : { 'http.response.status_code': BigInt(span.httpStatus) }),
  }),
  status: { code: (span.httpStatus ?? 0) >= 500 ? 2 : 0 },
});

const severities: Readonly<Record<string, number>> = {
  DEBUG: 5,
  DEFAULT: 9,
  INFO: 9,
  NOTICE: 10,
  WARNING: 13,
  WARN: 13,
  ERROR: 17,
  CRITICAL: 18,
  ALERT: 19,
  EMERGENCY: 21,
};

function logRecord(instance: Instance, nowMs: number) {
  const { timestamp, severity, variables, ...rest } = instance.fields;
  const written = textOf(severity);
  const told = instance.template === 'logentry' ? fieldsOf(variables) : rest;
  return {
    timeUnixNano: timestamp instanceof Timestamp ? String(timestamp.nanoseconds) : nanoseconds(nowMs),
    observedTimeUnixNano: nanoseconds(nowMs),
    severityText: written === '' ? undefined : written,
    severityNumber: severities[written.toUpperCase()] ?? 9,
    body: { stringValue: instance.name },
    attributes: keyValues(told),
  };
}

/** A collector may take a batch in part: how many it left out. */
function rejectedIn(answer: HttpAnswer): number {
  expectTaken(answer);
  try {
    const said: unknown = JSON.parse(answer.body);
    const partial = isMap(said) ? said['partialSuccess'] : undefined;
    if (!isMap(partial)) return 0;
    const names = ['rejectedDataPoints', 'rejectedLogRecords', 'rejectedSpans'];
    return names.reduce((sum, name) => sum + (Number(partial[name] ?? 0) || 0), 0);
  } catch {
    return 0;
  }
}
