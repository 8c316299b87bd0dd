// The parameters of opentelemetry: where the collector is, and which instances are which metrics.
import {
  type Decoder,
  list,
  mapOf,
  object,
  oneOf,
  refuse,
  required,
  text,
  withDefault,
} from '@xebec/config/decode';
import { type HttpBackend, httpBackend, httpFields, httpUrl } from '../http-backend.ts';
import { probability } from '../probability.ts';
import { anySpelling } from '../spelling.ts';

export interface OtlpMetric {
  /** Empty: the instance's. */
  readonly name: string;
  readonly kind: 'COUNTER' | 'GAUGE' | 'DISTRIBUTION';
  readonly unit: string;
  readonly description: string;
  /** Of distributions, rising. */
  readonly buckets: readonly number[];
}

export interface OpentelemetryConfig {
  readonly backend: HttpBackend;
  /** Attributes of the resource that all is told of. */
  readonly resource: Readonly<Record<string, string>>;
  /** By name of the instance; other metrics are not told. */
  readonly metrics: Readonly<Record<string, OtlpMetric>>;
  /** 0 to 1, of traces. */
  readonly sampleProbability: number;
}

const defaultBuckets: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const bound: Decoder<number> = (value, walk) =>
  typeof value === 'number' && Number.isFinite(value)
    ? value
    : refuse(walk, { code: 'wrong-type', message: 'a bound is a number', remedy: 'write a number' });

const buckets: Decoder<readonly number[]> = (value, walk) => {
  const bounds = list(bound, { most: 200 })(value, walk);
  if (bounds === undefined || bounds.every((each, index) => index === 0 || each > (bounds[index - 1] ?? 0)))
    return bounds;
  const message = 'the bounds do not rise';
  return refuse(walk, {
    code: 'invalid-buckets',
    message,
    remedy: 'write them from the lowest to the highest',
  });
};

const metric: Decoder<OtlpMetric> = anySpelling(
  object({
    name: withDefault(text, ''),
    kind: withDefault(oneOf('COUNTER', 'GAUGE', 'DISTRIBUTION'), 'COUNTER'),
    unit: withDefault(text, '1'),
    description: withDefault(text, ''),
    buckets: withDefault<readonly number[]>(buckets, defaultBuckets),
  }),
);

const shape = anySpelling(
  object({
    url: required(httpUrl),
    ...httpFields,
    resource: withDefault<Readonly<Record<string, string>>>(mapOf(text), {}),
    metrics: withDefault<Readonly<Record<string, OtlpMetric>>>(mapOf(metric), {}),
    sampleProbability: withDefault(probability, 1),
  }),
);

export const opentelemetryParams: Decoder<OpentelemetryConfig> = (value, walk) => {
  const written = shape(value, walk);
  if (written === undefined) return undefined;
  const { resource, metrics, sampleProbability } = written;
  return { backend: httpBackend(written), resource, metrics, sampleProbability };
};
