// zipkin: spans of calls as JSON of version 2. Rule: a batch is taken whole or has failed; what is no span is counted as lost.
import { type Decoder, decodeWith, object, required, withDefault } from '@xebec/config/decode';
import {
  callTimeoutMs,
  expectTaken,
  type HttpBackend,
  httpBackend,
  httpFields,
  httpUrl,
  type OpenHttp,
} from '../http-backend.ts';
import { probability } from '../probability.ts';
import type { Adapter, AdapterForm } from '../sdk.ts';
import { type CallSpan, isSampled, spanOf } from '../spans.ts';
import { anySpelling } from '../spelling.ts';

export interface ZipkinConfig {
  readonly backend: HttpBackend;
  /** 0 to 1, of traces. */
  readonly sampleProbability: number;
}

const shape = anySpelling(
  object({ url: required(httpUrl), ...httpFields, sampleProbability: withDefault(probability, 1) }),
);

export const zipkinParams: Decoder<ZipkinConfig> = (value, walk) => {
  const written = shape(value, walk);
  if (written === undefined) return undefined;
  return { backend: httpBackend(written), sampleProbability: written.sampleProbability };
};

export const zipkinForm: AdapterForm<ZipkinConfig> = {
  name: 'zipkin',
  description: 'spans of calls to Zipkin, or to what takes its JSON',
  templates: ['tracespan'],
  parse: (params) => decodeWith(zipkinParams, params ?? {}),
};

export const createZipkin = (open: OpenHttp): Adapter<ZipkinConfig> => ({
  ...zipkinForm,
  build({ backend, sampleProbability }, { now, countLoss }) {
    const client = open(backend);
    return {
      async report(instances, signal) {
        const spans = instances.flatMap((instance) => spanOf(instance, now()) ?? []);
        if (spans.length < instances.length) countLoss(instances.length - spans.length);
        const sampled = spans.filter((span) => isSampled(span, sampleProbability));
        if (sampled.length > 0) expectTaken(await client.post('', sampled.map(zipkinSpan), signal));
      },
      timeoutMs: callTimeoutMs(backend),
      close: () => client.close(),
    };
  },
});

const endpoint = (serviceName: string) => (serviceName === '' ? undefined : { serviceName });
const microseconds = (nanoseconds: bigint): number => Number(nanoseconds / 1_000n);

const zipkinSpan = (span: CallSpan) => ({
  traceId: span.traceId,
  id: span.spanId,
  parentId: span.parentSpanId,
  kind: span.isClient ? 'CLIENT' : 'SERVER',
  name: span.name,
  timestamp: microseconds(span.start),
  duration: Math.max(1, microseconds(span.end - span.start)),
  localEndpoint: endpoint(span.localName),
  remoteEndpoint: endpoint(span.remoteName),
  tags: {
    ...span.tags,
    ...(span.httpStatus === undefined ? {} : { 'http.status_code': String(span.httpStatus) }),
    ...((span.httpStatus ?? 0) < 500 ? {} : { error: String(span.httpStatus) }),
  },
});
