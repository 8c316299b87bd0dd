// Our encoder against the one of protobuf-es, over random messages of every shape the API has.
import {
  create,
  createFileRegistry,
  type DescMessage,
  equals,
  fromBinary,
  toBinary,
} from '@bufbuild/protobuf';
import {
  EmptySchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Type as fieldType,
  ListValueSchema,
  FieldDescriptorProto_Label as label,
  StructSchema,
  UninterpretedOptionSchema,
  ValueSchema,
} from '@bufbuild/protobuf/wkt';
import { CheckedExprSchema } from '@xebec/protos/cel/expr/checked_pb';
import { BootstrapSchema } from '@xebec/protos/envoy/config/bootstrap/v3/bootstrap_pb';
import { ClusterSchema } from '@xebec/protos/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '@xebec/protos/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '@xebec/protos/envoy/config/route/v3/route_pb';
import { HttpConnectionManagerSchema } from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { DeltaDiscoveryResponseSchema } from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import { MetricFamilySchema } from '@xebec/protos/io/prometheus/client/metrics_pb';
import { NameTableSchema } from '@xebec/protos/istio/networking/nds/v1/nds_pb';
import { MetricsDataSchema } from '@xebec/protos/opentelemetry/proto/metrics/v1/metrics_pb';
import { FieldRulesSchema } from '@xebec/protos/validate/validate_pb';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyOf, encode, encodeAny, typeUrl } from './index.ts';
import { arbitraryMessage } from './testing/arbitrary-message.ts';

const schemas: readonly DescMessage[] = [
  ClusterSchema,
  ClusterLoadAssignmentSchema,
  RouteConfigurationSchema,
  ListenerSchema,
  HttpConnectionManagerSchema,
  BootstrapSchema,
  DeltaDiscoveryResponseSchema,
  NameTableSchema,
  StructSchema,
  ValueSchema,
  ListValueSchema,
  CheckedExprSchema, // maps with integer keys
  MetricsDataSchema, // packed doubles and fixed64, zigzag
  MetricFamilySchema, // proto2
  FieldRulesSchema, // proto2, every scalar type, lists of each
  UninterpretedOptionSchema, // proto2, required fields
  FileDescriptorSetSchema,
];

describe.each(schemas.map((schema) => [schema.typeName, schema] as const))('%s', (_, schema) => {
  test('has the bytes of protobuf-es', () => {
    fc.assert(
      fc.property(arbitraryMessage(schema), (message) => {
        expect(hex(encode(schema, message))).toBe(hex(toBinary(schema, message)));
      }),
    );
  });

  test('reads back as the same message', () => {
    fc.assert(
      fc.property(arbitraryMessage(schema), (message) => {
        expect(equals(schema, fromBinary(schema, encode(schema, message)), message)).toBe(true);
      }),
    );
  });
});

test('does not depend on the order keys were set in', () => {
  const one = create(NameTableSchema, { table: { b: { ips: ['1'] }, a: {}, é: {} } });
  const other = create(NameTableSchema, { table: { é: {}, a: {}, b: { ips: ['1'] } } });
  expect(encode(NameTableSchema, one)).toEqual(encode(NameTableSchema, other));

  const metadata = (istio: Record<string, string>) =>
    encode(ClusterSchema, create(ClusterSchema, { metadata: { filterMetadata: { istio } } }));
  expect(metadata({ x: '1', y: '2' })).toEqual(metadata({ y: '2', x: '1' }));
});

test('keeps a key named __proto__', () => {
  const istio = JSON.parse('{"__proto__": "own"}');
  const cluster = create(ClusterSchema, { metadata: { filterMetadata: { istio } } });
  expect(Buffer.from(encode(ClusterSchema, cluster)).includes('__proto__')).toBe(true);
});

test('sends unknown fields on', () => {
  fc.assert(
    fc.property(arbitraryMessage(ClusterLoadAssignmentSchema), (message) => {
      const bytes = encode(ClusterLoadAssignmentSchema, message);
      expect(hex(encode(EmptySchema, fromBinary(EmptySchema, bytes)))).toBe(hex(bytes));
    }),
  );
});

test('gives bytes that later calls leave alone', () => {
  const bytes = encode(ClusterSchema, create(ClusterSchema, { name: 'first' }));
  const before = hex(bytes);
  encode(ClusterSchema, create(ClusterSchema, { name: 'another' }));
  expect(hex(bytes)).toBe(before);
});

test('grows for large messages and serves small ones after them', () => {
  const large = create(ClusterSchema, { name: 'x'.repeat(5_000_000) });
  expect(encode(ClusterSchema, large)).toHaveLength(5_000_005);
  expect(encode(ClusterSchema, create(ClusterSchema, { name: 'a' }))).toEqual(Uint8Array.of(10, 1, 97));
});

test('packs Any with the type URL of the schema', () => {
  const cluster = create(ClusterSchema, { name: 'a' });
  const packed = encodeAny(ClusterSchema, cluster);
  expect(packed.typeUrl).toBe('type.googleapis.com/envoy.config.cluster.v3.Cluster');
  expect(packed.typeUrl).toBe(typeUrl(ClusterSchema));
  expect(packed).toEqual(anyOf(ClusterSchema, { name: 'a' }));
  expect(fromBinary(ClusterSchema, packed.value)).toEqual(cluster);
});

describe('refuses', () => {
  test.each([
    ['a message of another type', ListenerSchema, create(ClusterSchema)],
    [
      'an unsigned number below zero',
      ClusterSchema,
      create(ClusterSchema, { perConnectionBufferLimitBytes: -1 }),
    ],
    ['a fraction', ClusterSchema, create(ClusterSchema, { perConnectionBufferLimitBytes: 1.5 })],
    ['an enum beyond 32 bits', ClusterSchema, create(ClusterSchema, { lbPolicy: (2 ** 40) as 0 })],
    [
      'seconds beyond 64 bits',
      ClusterSchema,
      create(ClusterSchema, { connectTimeout: { seconds: 2n ** 63n } }),
    ],
    [
      'a required field not set',
      UninterpretedOptionSchema,
      create(UninterpretedOptionSchema, { name: [{}] }),
    ],
  ] as const)('%s', (_, schema, message) => {
    expect(() => encode<DescMessage>(schema, message)).toThrow();
  });

  test('groups', () => {
    const file = create(FileDescriptorProtoSchema, {
      name: 'group.proto',
      syntax: 'proto2',
      messageType: [
        {
          name: 'Holder',
          nestedType: [{ name: 'Old' }],
          field: [
            { name: 'old', number: 1, type: fieldType.GROUP, label: label.OPTIONAL, typeName: '.Holder.Old' },
          ],
        },
      ],
    });
    const registry = createFileRegistry(file, () => undefined);
    const holder = registry.getMessage('Holder');
    const attempt = () => holder && encode(holder, create(holder));
    expect(attempt).toThrow('groups are not supported');
    expect(attempt).toThrow('groups are not supported');
  });
});

test('a message that outgrows the buffer at any depth is the same bytes', () => {
  // Sizes around the buffer's own, so that it grows inside fields of fields.
  for (const count of [1, 4_000, 16_000, 40_000]) {
    const cluster = create(ClusterSchema, {
      name: 'large',
      loadAssignment: {
        endpoints: [
          {
            lbEndpoints: Array.from({ length: count }, (_, i) => ({
              metadata: { filterMetadata: { a: { b: `value ${i} ${'x'.repeat(i % 90)}` } } },
            })),
          },
        ],
      },
    });
    expect(Buffer.from(encode(ClusterSchema, cluster)).equals(toBinary(ClusterSchema, cluster))).toBe(true);
  }
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
