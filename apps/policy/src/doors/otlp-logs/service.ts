// OpenTelemetry's `LogsService`: a log record whose attributes are named as in the vocabulary is a bag. A program says so of itself; what else it logs is none of ours and left out.
import { create } from '@bufbuild/protobuf';
import { type AttributeBag, type AttributeValue, convert, Timestamp, type Vocabulary } from '@xebec/policy';
import {
  type ExportLogsServiceRequest,
  ExportLogsServiceResponseSchema,
  LogsService,
} from '@xebec/protos/opentelemetry/proto/collector/logs/v1/logs_service_pb';
import type { AnyValue, KeyValue } from '@xebec/protos/opentelemetry/proto/common/v1/common_pb';
import type { LogRecord } from '@xebec/protos/opentelemetry/proto/logs/v1/logs_pb';
import type { PolicyCalls } from '../calls/policy-calls.ts';
import type { Gate } from '../rpc/gate.ts';
import { isRefusal } from '../rpc/refusal.ts';
import { type Method, unaryMethod } from '../rpc/unary.ts';

const door = 'otlp-logs';

export function otlpLogsMethods(gate: Gate, calls: PolicyCalls): readonly Method[] {
  return [
    unaryMethod({ door, callers: 'apps', gate }, LogsService.method.export, async (request, { caller }) => {
      const taken = await calls.report({ door, caller }, bagsOf(request, gate.vocabulary()));
      return isRefusal(taken) ? taken : create(ExportLogsServiceResponseSchema);
    }),
  ];
}

export function* bagsOf(
  { resourceLogs }: ExportLogsServiceRequest,
  vocabulary: Vocabulary,
): Iterable<AttributeBag> {
  for (const { resource, scopeLogs } of resourceLogs) {
    const shared = new Map(knownAttributes(resource?.attributes ?? [], vocabulary));
    for (const { logRecords } of scopeLogs)
      for (const record of logRecords) yield bagOf(record, shared, vocabulary);
  }
}

function bagOf(record: LogRecord, shared: AttributeBag, vocabulary: Vocabulary): AttributeBag {
  const bag = new Map(shared);
  const time = record.timeUnixNano || record.observedTimeUnixNano;
  if (time > 0n) bag.set('context.time', new Timestamp(time)).set('context.timestamp', new Timestamp(time));
  for (const [name, value] of knownAttributes(record.attributes, vocabulary)) bag.set(name, value);
  return bag;
}

function* knownAttributes(
  attributes: readonly KeyValue[],
  vocabulary: Vocabulary,
): Iterable<readonly [string, AttributeValue]> {
  for (const { key, value } of attributes) {
    const declared = vocabulary.get(key);
    const read = declared === undefined || value === undefined ? undefined : attributeOf(value);
    if (declared === undefined || read === undefined) continue;
    // What cannot be of the type stays as it is, so that the bag counts it.
    const json = typeof read === 'bigint' ? read.toString() : read;
    const converted = typeof json === 'string' ? convert(json, declared.type) : undefined;
    yield [key, converted ?? read];
  }
}

function attributeOf({ value }: AnyValue): AttributeValue | undefined {
  switch (value.case) {
    case 'stringValue':
    case 'boolValue':
    case 'intValue':
    case 'doubleValue':
    case 'bytesValue':
      return value.value;
    case 'kvlistValue':
      return new Map(
        value.value.values.flatMap(({ key, value: entry }) =>
          entry?.value.case === 'stringValue' ? [[key, entry.value.value] as const] : [],
        ),
      );
    default:
      return undefined;
  }
}
