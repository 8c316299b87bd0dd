// stdio: lines of JSON or text for log entries and metrics. Rule: one instance, one line.
import {
  boolean,
  type Decoder,
  decodeWith,
  integer,
  mapOf,
  object,
  oneOf,
  text,
  withDefault,
} from '@xebec/config/decode';
import type { Instance } from '../../templates/template.ts';
import type { Adapter, AdapterForm } from '../sdk.ts';
import { anySpelling } from '../spelling.ts';
import { fieldsOf, jsonOf, textOf } from '../texts.ts';

export type Severity = 'INFO' | 'WARNING' | 'ERROR';

export interface StdioConfig {
  readonly logStream: 'STDOUT' | 'STDERR' | 'FILE' | 'ROTATED_FILE';
  /** Of files. */
  readonly outputPath: string;
  /** From a log entry's own words to levels. */
  readonly severityLevels: Readonly<Record<string, Severity>>;
  /** Entries below it are left out. */
  readonly outputLevel: Severity;
  readonly metricLevel: Severity;
  readonly outputAsJson: boolean;
  /** Of rotated files: bytes of one, and how many old ones are kept. */
  readonly maxMegabytesBeforeRotation: number;
  readonly maxRotatedFiles: number;
}

/** Where lines go. */
export interface LineSink {
  /** Resolves when they are written. */
  write(lines: string): Promise<void>;
  close(): Promise<void>;
}

export type OpenLineSink = (
  config: Pick<StdioConfig, 'logStream' | 'outputPath' | 'maxMegabytesBeforeRotation' | 'maxRotatedFiles'>,
) => Promise<LineSink>;

const severity = oneOf('INFO', 'WARNING', 'ERROR');

export const stdioParams: Decoder<StdioConfig> = anySpelling(
  object({
    logStream: withDefault(oneOf('STDOUT', 'STDERR', 'FILE', 'ROTATED_FILE'), 'STDOUT'),
    outputPath: withDefault(text, ''),
    severityLevels: withDefault<Readonly<Record<string, Severity>>>(mapOf(severity), {}),
    outputLevel: withDefault(severity, 'INFO'),
    metricLevel: withDefault(severity, 'INFO'),
    outputAsJson: withDefault(boolean, false),
    maxMegabytesBeforeRotation: withDefault(integer(1, 10_000), 100),
    maxRotatedFiles: withDefault(integer(1, 1_000), 10),
  }),
);

export const stdioForm: AdapterForm<StdioConfig> = {
  name: 'stdio',
  description: 'log entries and metrics as lines on standard output or in a file',
  templates: ['logentry', 'metric', 'tracespan', 'edge'],
  parse: (params) => decodeWith(stdioParams, params ?? {}),
};

const ranks: Readonly<Record<Severity, number>> = { INFO: 0, WARNING: 1, ERROR: 2 };

export const createStdio = (open: OpenLineSink): Adapter<StdioConfig> => ({
  ...stdioForm,
  async build(config, { now }) {
    const sink = await open(config);
    return {
      async report(instances) {
        const time = new Date(now()).toISOString();
        const lines = instances.flatMap((instance) => lineOf(instance, config, time) ?? []);
        if (lines.length > 0) await sink.write(lines.join(''));
      },
      close: () => sink.close(),
    };
  },
});

function lineOf(instance: Instance, config: StdioConfig, time: string): string | undefined {
  const { template, name, fields } = instance;
  const isLog = template === 'logentry';
  const written = textOf(fields['severity']);
  const level = isLog ? levelIn(config.severityLevels, written) : config.metricLevel;
  if (ranks[level] < ranks[config.outputLevel]) return undefined;
  const { variables, dimensions, ...others } = fields;
  const told = isLog ? variables : dimensions;
  const values = { ...others, ...(told === undefined ? {} : fieldsOf(told)) };
  const stamp = isLog && fields['timestamp'] !== undefined ? textOf(fields['timestamp']) : time;
  const { severity: _severity, timestamp: _timestamp, ...rest } = values;
  if (config.outputAsJson) {
    return `${JSON.stringify({ level: level.toLowerCase(), time: stamp, instance: name, ...json(rest) })}\n`;
  }
  const pairs = Object.entries(rest).map(([key, value]) => `${key}=${quoted(textOf(value))}`);
  return `${[stamp, level.toLowerCase(), name, ...pairs].join('\t')}\n`;
}

const json = (fields: Parameters<typeof textsOf>[0]): Record<string, unknown> =>
  Object.fromEntries(textsOf(fields));
const textsOf = (fields: Readonly<Record<string, Parameters<typeof jsonOf>[0]>>) =>
  Object.entries(fields).map(([name, value]) => [name, jsonOf(value)] as const);

/** A value can never begin a line or a field of its own. */
const quoted = (value: string): string => (/^[\w./:@-]*$/.test(value) ? value : JSON.stringify(value));

/** A severity may be whatever a caller says, `constructor` too. */
const levelIn = (levels: StdioConfig['severityLevels'], written: string): Severity =>
  (Object.hasOwn(levels, written) ? levels[written] : undefined) ?? levelOf(written);

const levelOf = (written: string): Severity => {
  const upper = written.toUpperCase();
  if (upper === 'ERROR' || upper === 'CRITICAL' || upper === 'ALERT' || upper === 'EMERGENCY') return 'ERROR';
  return upper === 'WARNING' || upper === 'WARN' ? 'WARNING' : 'INFO';
};
