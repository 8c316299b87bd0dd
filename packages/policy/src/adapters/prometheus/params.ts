// The parameters of prometheus: which instances become which metrics (mixer/adapter/prometheus/config).
import {
  andThen,
  type Decoder,
  durationOrZero,
  integer,
  list,
  object,
  oneOf,
  optional,
  quote,
  refuse,
  required,
  text,
  withDefault,
  wrongType,
} from '@xebec/config/decode';
import { anySpelling } from '../spelling.ts';

export type MetricKind = 'GAUGE' | 'COUNTER' | 'DISTRIBUTION';

export interface MetricDefinition {
  /** With its namespace: `istio_requests_total`. */
  readonly name: string;
  /** `NAME`, `NAME.NAMESPACE` or `NAME.instance.NAMESPACE`. */
  readonly instanceName: string;
  readonly description: string;
  readonly kind: MetricKind;
  readonly labelNames: readonly string[];
  /** Upper bounds, ascending; of distributions. */
  readonly bounds: readonly number[];
}

export interface PrometheusConfig {
  readonly metrics: readonly MetricDefinition[];
  /** Series that nothing was added to for so long are gone; 0: they stay. */
  readonly expiryMs: number;
}

const number: Decoder<number> = (value, walk) =>
  typeof value === 'number' && Number.isFinite(value) ? value : refuse(walk, wrongType('a number', value));

const mostBuckets = 200;
const finite = integer(1, mostBuckets);

const buckets: Decoder<readonly number[]> = anySpelling(
  andThen(
    object({
      linearBuckets: optional(
        anySpelling(
          object({
            numFiniteBuckets: required(finite),
            width: required(number),
            offset: withDefault(number, 0),
          }),
        ),
      ),
      exponentialBuckets: optional(
        anySpelling(
          object({
            numFiniteBuckets: required(finite),
            growthFactor: required(number),
            scale: required(number),
          }),
        ),
      ),
      explicitBuckets: optional(object({ bounds: required(list(number, { least: 1, most: mostBuckets })) })),
    }),
    ({ linearBuckets: linear, exponentialBuckets: exponential, explicitBuckets }, walk) => {
      const bounds = [
        ...(linear === undefined
          ? []
          : upTo(linear.numFiniteBuckets, (index) => linear.offset + index * linear.width)),
        ...(exponential === undefined
          ? []
          : upTo(
              exponential.numFiniteBuckets,
              (index) => exponential.scale * exponential.growthFactor ** index,
            )),
        ...(explicitBuckets?.bounds ?? []),
      ];
      const isAscending = bounds.every((bound, index) => index === 0 || bound > (bounds[index - 1] ?? bound));
      if (bounds.length > 0 && isAscending) return bounds;
      const message = 'the bounds of buckets do not ascend';
      return refuse(walk, {
        code: 'out-of-range',
        message,
        remedy: 'write one of linearBuckets, exponentialBuckets and explicitBuckets, with bounds that grow',
      });
    },
  ),
);

/** The bounds from 0 to so many. */
const upTo = (last: number, bound: (index: number) => number): number[] =>
  Array.from({ length: last + 1 }, (_, index) => bound(index));

const defaultBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const metricName = /^[A-Za-z_:][A-Za-z0-9_:]*$/;
const labelName: Decoder<string> = andThen(text, (name, walk) =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !name.startsWith('__') && name !== 'le'
    ? name
    : refuse(walk, {
        code: 'invalid-name',
        message: `${quote(name)} cannot be a label of Prometheus`,
        remedy: 'use letters, digits and "_"',
      }),
);

const metric: Decoder<MetricDefinition> = anySpelling(
  andThen(
    object({
      namespace: withDefault(text, 'istio'),
      name: withDefault(text, ''),
      instanceName: required(text),
      description: withDefault(text, ''),
      kind: required(oneOf('GAUGE', 'COUNTER', 'DISTRIBUTION')),
      labelNames: withDefault<readonly string[]>(list(labelName, { most: 100 }), []),
      buckets: optional(buckets),
    }),
    ({ namespace, name: written, buckets: bounds = defaultBounds, ...rest }, walk) => {
      const [short = ''] = rest.instanceName.split('.');
      const name = `${namespace}_${written === '' ? short.replaceAll('-', '_') : written}`;
      if (metricName.test(name)) return { ...rest, name, bounds };
      return refuse(
        walk,
        {
          code: 'invalid-name',
          message: `${quote(name)} cannot be a metric of Prometheus`,
          remedy: 'use letters, digits and "_" in "name"',
        },
        'name',
      );
    },
  ),
);

export const prometheusParams: Decoder<PrometheusConfig> = anySpelling(
  andThen(
    object({
      metrics: withDefault<readonly MetricDefinition[]>(list(metric, { most: 1_000 }), []),
      metricsExpirationPolicy: optional(
        anySpelling(
          object({
            metricsExpiryDuration: withDefault(durationOrZero, 0),
            expiryCheckIntervalDuration: withDefault(durationOrZero, 0),
          }),
        ),
      ),
    }),
    ({ metrics, metricsExpirationPolicy }, walk) => {
      const twice = metrics.findIndex(
        ({ name }, index) => metrics.findIndex((each) => each.name === name) < index,
      );
      if (twice < 0) return { metrics, expiryMs: metricsExpirationPolicy?.metricsExpiryDuration ?? 0 };
      const message = `the metric ${quote(metrics[twice]?.name ?? '')} is defined twice`;
      return refuse(
        walk,
        { code: 'conflicting-fields', message, remedy: 'give one another name' },
        'metrics',
      );
    },
  ),
);
