// fluentd: log entries, metrics and edges by the forward protocol. Rule: a batch counts as told when the server has acknowledged it.
import {
  andThen,
  boolean,
  type Decoder,
  decodeWith,
  integer,
  object,
  positiveDuration,
  quote,
  refuse,
  text,
  withDefault,
} from '@xebec/config/decode';
import { Timestamp } from '../../attributes/value.ts';
import type { Instance } from '../../templates/template.ts';
import type { Adapter, AdapterForm } from '../sdk.ts';
import { anySpelling } from '../spelling.ts';
import { fieldsOf, jsonOf } from '../texts.ts';
import { EventTime, packed } from './msgpack.ts';

export interface FluentdConfig {
  /** `host:port`. */
  readonly address: string;
  /** Times in whole seconds, for servers of old. */
  readonly integerDuration: boolean;
  /** Bytes of one message, about. */
  readonly maxBatchSizeBytes: number;
  /** Whether the server answers each message. */
  readonly requireAck: boolean;
  /** Milliseconds. */
  readonly pushTimeout: number;
}

/** A connection that is made when it is needed, and made again when it breaks. */
export interface ForwardClient {
  /** Resolves when the message is written and, where `chunk` is told, acknowledged. */
  send(message: Uint8Array, chunk: string | undefined, signal: AbortSignal): Promise<void>;
  close(): void;
}

export type OpenForward = (to: { readonly address: string; readonly timeoutMs: number }) => ForwardClient;

const address: Decoder<string> = andThen(text, (written, walk) =>
  /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-address',
        message: `${quote(written)} is not HOST:PORT`,
        remedy: 'write it as fluentd.example:24224',
      }),
);

export const fluentdParams: Decoder<FluentdConfig> = anySpelling(
  object(
    {
      address: withDefault(address, 'localhost:24224'),
      integerDuration: withDefault(boolean, false),
      maxBatchSizeBytes: withDefault(integer(1_024, 64 * 1_048_576), 1_048_576),
      requireAck: withDefault(boolean, true),
      pushTimeout: withDefault(positiveDuration, 5_000),
    },
    { inert: ['instanceBufferSize', 'pushIntervalDuration'] },
  ),
);

export const fluentdForm: AdapterForm<FluentdConfig> = {
  name: 'fluentd',
  description: 'log entries, metrics and edges to Fluentd or Fluent Bit',
  templates: ['logentry', 'metric', 'edge'],
  parse: (params) => decodeWith(fluentdParams, params ?? {}),
};

export const createFluentd = (open: OpenForward): Adapter<FluentdConfig> => ({
  ...fluentdForm,
  build(config, { now, countTaken }) {
    const client = open({ address: config.address, timeoutMs: config.pushTimeout });
    let count = 0;
    const send = async (tag: string, entries: readonly unknown[], signal: AbortSignal): Promise<void> => {
      count += 1;
      const chunk = config.requireAck ? `${now().toString(36)}-${count.toString(36)}` : undefined;
      await client.send(packed([tag, entries, { size: entries.length, chunk }]), chunk, signal);
    };
    return {
      async report(instances, signal) {
        for (const { tag, entries } of batches(instances, config, now())) {
          await send(tag, entries, signal);
          countTaken(entries.length);
        }
      },
      timeoutMs: config.pushTimeout + 100,
      close: () => client.close(),
    };
  },
});

interface Batch {
  readonly tag: string;
  readonly entries: unknown[];
  bytes: number;
}

/** One message tells of one instance's calls only. */
function batches(instances: readonly Instance[], config: FluentdConfig, nowMs: number): readonly Batch[] {
  const done: Batch[] = [];
  const open = new Map<string, Batch>();
  for (const instance of instances) {
    const entry = entryOf(instance, config, nowMs);
    const bytes = packed(entry).length;
    const held = open.get(instance.name);
    if (held !== undefined && held.bytes + bytes <= config.maxBatchSizeBytes) {
      held.entries.push(entry);
      held.bytes += bytes;
      continue;
    }
    const batch = { tag: instance.name, entries: [entry], bytes };
    open.set(instance.name, batch);
    done.push(batch);
  }
  return done;
}

function entryOf({ template, fields }: Instance, config: FluentdConfig, nowMs: number): unknown {
  const { timestamp, ...rest } = fields;
  const time = timestamp instanceof Timestamp ? timestamp.nanoseconds : BigInt(nowMs) * 1_000_000n;
  const stamp = config.integerDuration ? time / 1_000_000_000n : new EventTime(time);
  const { variables, dimensions, ...others } = rest;
  const told = template === 'logentry' ? variables : dimensions;
  return [stamp, jsonOf({ ...others, ...(told === undefined ? {} : fieldsOf(told)) })];
}
