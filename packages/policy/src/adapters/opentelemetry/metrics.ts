// Metric instances of one batch as OTLP metrics. Rule: what changed since the last batch (delta); instances with the same dimensions are one point.
import type { Instance } from '../../templates/template.ts';
import { fieldsOf, numberOf, textOf } from '../texts.ts';
import { type KeyValues, keyValues, nanoseconds } from './attributes.ts';
import type { OtlpMetric } from './params.ts';

export interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

interface Point {
  readonly attributes: KeyValues;
  readonly values: number[];
}

interface Measured {
  readonly metric: OtlpMetric;
  readonly name: string;
  readonly points: Map<string, Point>;
}

/** `metricOf` knows which metric an instance is, if any. */
export function otlpMetrics(
  instances: readonly Instance[],
  metricOf: (instance: string) => OtlpMetric | undefined,
  period: Period,
) {
  const measured = new Map<string, Measured>();
  for (const instance of instances) {
    const metric = metricOf(instance.name);
    const value = numberOf(instance.fields['value']);
    if (metric === undefined || value === undefined || !Number.isFinite(value)) continue;
    const name = metric.name === '' ? (instance.name.split('.')[0] ?? '') : metric.name;
    const held = measured.get(instance.name) ?? { metric, name, points: new Map() };
    measured.set(instance.name, held);
    addTo(held, instance, value);
  }
  return [...measured.values()].map((each) => otlpMetric(each, period));
}

function addTo({ points }: Measured, { fields }: Instance, value: number): void {
  const dimensions = fieldsOf(fields['dimensions']);
  const key = JSON.stringify(Object.entries(dimensions).map(([name, each]) => [name, textOf(each)]));
  const point = points.get(key) ?? { attributes: keyValues(dimensions), values: [] };
  point.values.push(value);
  points.set(key, point);
}

const delta = 1;
const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

function otlpMetric({ metric, name, points }: Measured, { startMs, endMs }: Period) {
  const times = { startTimeUnixNano: nanoseconds(startMs), timeUnixNano: nanoseconds(endMs) };
  const all = [...points.values()];
  const head = { name, unit: metric.unit, description: metric.description };
  if (metric.kind === 'DISTRIBUTION') {
    const dataPoints = all.map((point) => ({ ...times, ...histogram(point, metric.buckets) }));
    return { ...head, histogram: { aggregationTemporality: delta, dataPoints } };
  }
  if (metric.kind === 'GAUGE') {
    const dataPoints = all.map(({ attributes, values }) => ({
      ...times,
      attributes,
      asDouble: values.at(-1),
    }));
    return { ...head, gauge: { dataPoints } };
  }
  const dataPoints = all.map(({ attributes, values }) => ({ ...times, attributes, asDouble: sumOf(values) }));
  return { ...head, sum: { aggregationTemporality: delta, isMonotonic: true, dataPoints } };
}

function histogram({ attributes, values }: Point, bounds: readonly number[]) {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  for (const value of values) {
    const index = bounds.findIndex((bound) => value <= bound);
    const bucket = index === -1 ? bounds.length : index;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return {
    attributes,
    count: String(values.length),
    sum: sumOf(values),
    explicitBounds: bounds,
    bucketCounts: counts.map(String),
  };
}
