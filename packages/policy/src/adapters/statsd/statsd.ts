// statsd and dogstatsd: metrics as datagrams. Rule: a datagram holds whole lines and fits into one packet; dogstatsd has tags, statsd puts dimensions into names.
import { policyReferences } from '@xebec/config';
import {
  andThen,
  type Decoder,
  decodeWith,
  integer,
  mapOf,
  object,
  oneOf,
  quote,
  refuse,
  text,
  withDefault,
} from '@xebec/config/decode';
import type { Instance } from '../../templates/template.ts';
import type { Adapter, AdapterForm } from '../sdk.ts';
import { anySpelling } from '../spelling.ts';
import { fieldsOf, numberOf, textOf } from '../texts.ts';

export interface StatsdMetric {
  readonly name: string;
  readonly type: 'COUNTER' | 'GAUGE' | 'DISTRIBUTION' | 'HISTOGRAM' | 'TIMER';
  /** statsd: the rest of the name, with `{{.DIMENSION}}`. */
  readonly nameTemplate: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface StatsdConfig {
  /** `host:port`. */
  readonly address: string;
  readonly prefix: string;
  /** Bytes. */
  readonly bufferLength: number;
  readonly globalTags: Readonly<Record<string, string>>;
  /** By name of the instance. */
  readonly metrics: Readonly<Record<string, StatsdMetric>>;
}

/** Where datagrams go. */
export interface DatagramSink {
  /** Rejects when it cannot be sent. */
  send(datagram: string): Promise<void>;
  close(): void;
}

export type OpenDatagramSink = (address: string) => DatagramSink;

const address: Decoder<string> = andThen(text, (written, walk) =>
  /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-address',
        message: `${quote(written)} is not HOST:PORT`,
        remedy: 'write it as statsd.example:8125',
      }),
);

const metric: Decoder<StatsdMetric> = anySpelling(
  object({
    name: withDefault(text, ''),
    type: withDefault(oneOf('COUNTER', 'GAUGE', 'DISTRIBUTION', 'HISTOGRAM', 'TIMER'), 'COUNTER'),
    nameTemplate: withDefault(text, ''),
    tags: withDefault<Readonly<Record<string, string>>>(mapOf(text), {}),
  }),
);

export const statsdParams: Decoder<StatsdConfig> = anySpelling(
  object({
    address: withDefault(address, 'localhost:8125'),
    prefix: withDefault(text, ''),
    bufferLength: withDefault(integer(64, 65_000), 1_400),
    globalTags: withDefault<Readonly<Record<string, string>>>(mapOf(text), {}),
    metrics: withDefault<Readonly<Record<string, StatsdMetric>>>(mapOf(metric), {}),
  }),
);

const form = (name: string, description: string): AdapterForm<StatsdConfig> => ({
  name,
  description,
  templates: ['metric'],
  parse: (params) => decodeWith(statsdParams, params ?? {}),
});

export const statsdForm = form('statsd', 'metrics to a StatsD server, over UDP');
export const dogstatsdForm = form('dogstatsd', 'metrics with tags to a DogStatsD server, over UDP');

export const createStatsd = (open: OpenDatagramSink): Adapter<StatsdConfig> =>
  adapter(statsdForm, open, statsdLine);
export const createDogstatsd = (open: OpenDatagramSink): Adapter<StatsdConfig> =>
  adapter(dogstatsdForm, open, dogstatsdLine);

type LineOf = (instance: Instance, metric: StatsdMetric, config: StatsdConfig) => string | undefined;

const adapter = (
  own: AdapterForm<StatsdConfig>,
  open: OpenDatagramSink,
  lineOf: LineOf,
): Adapter<StatsdConfig> => ({
  ...own,
  build(config, { namespace, countLoss, reportProblem }) {
    const sink = open(config.address);
    const byInstance = new Map<string, StatsdMetric>();
    for (const [written, metric] of Object.entries(config.metrics)) {
      for (const each of policyReferences(written, { kind: 'instance', namespace }))
        byInstance.set(`${each.name}.instance.${each.namespace}`, metric);
    }
    return {
      async report(instances) {
        const lines = instances.flatMap((instance) => {
          const metric = byInstance.get(instance.name);
          const line = metric === undefined ? undefined : lineOf(instance, metric, config);
          return line === undefined ? [] : [line];
        });
        const datagrams = packed(lines, config.bufferLength);
        const sent = await Promise.allSettled(datagrams.map((datagram) => sink.send(datagram.text)));
        const lost = datagrams.reduce(
          (sum, datagram, index) => sum + (sent[index]?.status === 'rejected' ? datagram.count : 0),
          0,
        );
        if (lost > 0) countLoss(lost);
        reportProblem(lost > 0 ? `datagrams cannot be sent to ${config.address}` : undefined);
      },
      close: () => sink.close(),
    };
  },
});

interface Datagram {
  readonly text: string;
  readonly count: number;
}

const encoder = new TextEncoder();
const bytesOf = (written: string): number => encoder.encode(written).length;

function packed(lines: readonly string[], most: number): readonly Datagram[] {
  const datagrams: Datagram[] = [];
  for (const line of lines) {
    const last = datagrams.at(-1);
    if (last !== undefined && bytesOf(last.text) + bytesOf(line) + 1 <= most) {
      datagrams[datagrams.length - 1] = { text: `${last.text}\n${line}`, count: last.count + 1 };
    } else {
      datagrams.push({ text: line, count: 1 });
    }
  }
  return datagrams;
}

/** What would end a name, a tag or a line. */
const plain = (written: string): string =>
  written.replaceAll(/[^\p{L}\p{N}\p{P}\p{S}]+|[:|@#,]+/gu, '_').slice(0, 200);

const letters = { COUNTER: 'c', GAUGE: 'g', DISTRIBUTION: 'd', HISTOGRAM: 'h', TIMER: 'ms' } as const;

/** Timers count milliseconds; counters count whole ones. */
function amountOf({ fields }: Instance, type: StatsdMetric['type']): string | undefined {
  const amount = numberOf(fields['value']);
  if (amount === undefined) return undefined;
  return String(type === 'TIMER' ? amount * 1_000 : amount);
}

const baseName = (instance: Instance, { name }: StatsdMetric, { prefix }: StatsdConfig): string =>
  plain(`${prefix}${name === '' ? (instance.name.split('.')[0] ?? '') : name}`);

const statsdLine: LineOf = (instance, metric, config) => {
  const amount = amountOf(instance, metric.type);
  if (amount === undefined) return undefined;
  const dimensions = fieldsOf(instance.fields['dimensions']);
  const rest = metric.nameTemplate.replaceAll(/\{\{\s*\.?([\w.]+)\s*\}\}/g, (_, name: string) =>
    plain(textOf(Object.hasOwn(dimensions, name) ? dimensions[name] : undefined)),
  );
  const type = metric.type === 'DISTRIBUTION' || metric.type === 'HISTOGRAM' ? 'TIMER' : metric.type;
  return `${baseName(instance, metric, config)}${rest === '' ? '' : `.${plain(rest)}`}:${amount}|${letters[type]}`;
};

const dogstatsdLine: LineOf = (instance, metric, config) => {
  const amount = amountOf(instance, metric.type);
  if (amount === undefined) return undefined;
  const dimensions = Object.entries(fieldsOf(instance.fields['dimensions'])).map(
    ([name, value]) => [name, textOf(value)] as const,
  );
  const tags = [...Object.entries(config.globalTags), ...Object.entries(metric.tags), ...dimensions].map(
    ([name, value]) => `${plain(name)}:${plain(value)}`,
  );
  const suffix = tags.length === 0 ? '' : `|#${tags.join()}`;
  return `${baseName(instance, metric, config)}:${amount}|${letters[metric.type]}${suffix}`;
};
