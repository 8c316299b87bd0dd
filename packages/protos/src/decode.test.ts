// Our decoder against the one of protobuf-es, over random messages of every shape that doors take, and over damaged ones.
import { create, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import { CheckedExprSchema } from '@xebec/protos/cel/expr/checked_pb';
import { ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { StreamAccessLogsMessageSchema } from '@xebec/protos/envoy/service/accesslog/v3/als_pb';
import { CheckRequestSchema as AuthorizationRequestSchema } from '@xebec/protos/envoy/service/auth/v3/external_auth_pb';
import { MetricFamilySchema } from '@xebec/protos/io/prometheus/client/metrics_pb';
import { ReportRequestSchema as MixerReportSchema } from '@xebec/protos/istio/mixer/v1/mixer_pb';
import { MetricsDataSchema } from '@xebec/protos/opentelemetry/proto/metrics/v1/metrics_pb';
import { CheckRequestSchema } from '@xebec/protos/xebec/policy/v1/policy_pb';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode } from './index.ts';
import { arbitraryMessage } from './testing/arbitrary-message.ts';

const schemas: readonly DescMessage[] = [
  AuthorizationRequestSchema,
  StreamAccessLogsMessageSchema,
  CheckRequestSchema,
  MixerReportSchema, // packed zigzag
  MetricsDataSchema, // packed doubles and fixed64
  CheckedExprSchema, // maps with integer keys
  ClusterSchema,
  ListenerSchema,
  StructSchema,
  MetricFamilySchema, // proto2: left to protobuf-es
];

/** What a decoder makes of bytes; undefined: it refuses them. */
const attempt = (read: () => unknown): unknown => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

describe.each(schemas.map((schema) => [schema.typeName, schema] as const))('%s', (_, schema) => {
  test('is read as by protobuf-es', () => {
    fc.assert(
      fc.property(arbitraryMessage(schema), (message) => {
        const bytes = toBinary(schema, message);
        expect(decode(schema, bytes)).toStrictEqual(fromBinary(schema, bytes));
      }),
      { numRuns: 150 },
    );
  });

  test('twice in a row is merged as by protobuf-es', () => {
    fc.assert(
      fc.property(arbitraryMessage(schema), arbitraryMessage(schema), (one, other) => {
        const bytes = Buffer.concat([toBinary(schema, one), toBinary(schema, other)]);
        const [ours, theirs] = [decode(schema, bytes), fromBinary(schema, bytes)];
        expect(Buffer.from(toBinary(schema, ours))).toEqual(Buffer.from(toBinary(schema, theirs)));
      }),
      { numRuns: 50 },
    );
  });

  test('damaged, never breaks, and nothing is read that is not there', () => {
    fc.assert(
      fc.property(arbitraryMessage(schema), fc.nat(), fc.nat(255), (message, place, byte) => {
        const bytes = toBinary(schema, message);
        if (bytes.length === 0) return;
        bytes[place % bytes.length] = byte;
        attempt(() => decode(schema, bytes));
        attempt(() => decode(schema, bytes.subarray(0, place % bytes.length)));
      }),
      { numRuns: 150 },
    );
  });
});

const utf8 = (text: string): readonly number[] => [...Buffer.from(text)];
const field = (number: number, bytes: readonly number[]): readonly number[] => [
  (number << 3) | 2,
  bytes.length,
  ...bytes,
];
const structOf = (key: string): Uint8Array =>
  Uint8Array.from(field(1, [...field(1, utf8(key)), ...field(2, field(3, utf8('x')))]));

test('[B23] a key that every object has is data', () => {
  for (const key of ['__proto__', 'constructor', 'toString']) {
    const object = decode(StructSchema, structOf(key)).fields;
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    expect(Object.keys(object)).toEqual([key]);
  }
});

test('text that is no UTF-8 is refused, long and short', () => {
  const request = create(AuthorizationRequestSchema, {
    attributes: { contextExtensions: { a: 'x'.repeat(100) } },
  });
  const bytes = toBinary(AuthorizationRequestSchema, request);
  bytes[bytes.length - 1] = 0xff;
  expect(() => decode(AuthorizationRequestSchema, bytes)).toThrow();
  expect(() => decode(StructSchema, Uint8Array.from(field(1, field(1, [0xc3]))))).toThrow();
});

test('a group, an empty number and a truncated field are handled as by protobuf-es', () => {
  for (const bytes of [[0x0b, 0x0c], [0x00, 0x00], [0x0a, 0x05, 0x01], [0x0b], [0x0f]]) {
    const said = Uint8Array.from(bytes);
    const [ours, theirs] = [
      attempt(() => decode(CheckRequestSchema, said)),
      attempt(() => fromBinary(CheckRequestSchema, said)),
    ];
    expect([bytes, ours === undefined]).toEqual([bytes, theirs === undefined]);
  }
});

test('deep nesting is refused', () => {
  let value: Uint8Array = Uint8Array.from(field(3, utf8('x')));
  for (let depth = 0; depth < 400; depth++) value = listOf(value);
  expect(() => decode(StructSchema, entryOf(value))).toThrow();
});

const varint = (value: number): readonly number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
const delimited = (number: number, bytes: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.from([(number << 3) | 2, ...varint(bytes.length)]), bytes]);
/** A Value that is a list of one Value. */
const listOf = (value: Uint8Array): Uint8Array => delimited(6, delimited(1, value));
const entryOf = (value: Uint8Array): Uint8Array =>
  delimited(1, Buffer.concat([delimited(1, Buffer.from('k')), delimited(2, value)]));
