// Merging: one case for each way in which fields combine.
import { fromJson, toJson } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { registry } from '../testing/readable.ts';
import { mergeMessages } from './merge-messages.ts';

const cluster = 'envoy.config.cluster.v3.Cluster';
const tls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

function merged(target: object, patch: object): unknown {
  const schema = registry().getMessage(cluster);
  if (schema === undefined) throw new Error('no cluster');
  const options = { registry: registry() };
  const message = fromJson(schema, target as never, options);
  mergeMessages(message, fromJson(schema, patch as never, options), registry());
  return toJson(schema, message, options);
}

it.each([
  [
    'a set field wins',
    { name: 'a', altStatName: 'x' },
    { altStatName: 'y' },
    { name: 'a', altStatName: 'y' },
  ],
  [
    'a duration is one value',
    { connectTimeout: '1.500s' },
    { connectTimeout: '2s' },
    { connectTimeout: '2s' },
  ],
  [
    'a wrapped number is one value',
    { perConnectionBufferLimitBytes: 7 },
    { perConnectionBufferLimitBytes: 9 },
    { perConnectionBufferLimitBytes: 9 },
  ],
  [
    'messages are merged, lists grow',
    { circuitBreakers: { thresholds: [{ maxRetries: 1 }] } },
    { circuitBreakers: { thresholds: [{ priority: 'HIGH' }] } },
    { circuitBreakers: { thresholds: [{ maxRetries: 1 }, { priority: 'HIGH' }] } },
  ],
  [
    'maps gain entries, structs inside them',
    { metadata: { filterMetadata: { a: { x: 1 }, b: { y: 1 } } } },
    { metadata: { filterMetadata: { b: { z: 2 }, c: {} } } },
    { metadata: { filterMetadata: { a: { x: 1 }, b: { z: 2 }, c: {} } } },
  ],
  [
    'one-of members exclude each other',
    { type: 'EDS' },
    { clusterType: { name: 'own' } },
    { clusterType: { name: 'own' } },
  ],
  [
    'packed messages of one type are merged',
    { transportSocket: { name: 'tls', typedConfig: { '@type': tls, sni: 'a', maxSessionKeys: 2 } } },
    { transportSocket: { typedConfig: { '@type': tls, sni: 'b' } } },
    { transportSocket: { name: 'tls', typedConfig: { '@type': tls, sni: 'b', maxSessionKeys: 2 } } },
  ],
])('%s', (_what, target, patch, expected) => expect(merged(target, patch)).toEqual(expected));

it('another packed type replaces the one before', () => {
  const raw = 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer';
  const before = { transportSocket: { name: 'tls', typedConfig: { '@type': tls, sni: 'a' } } };
  expect(merged(before, { transportSocket: { name: 'raw', typedConfig: { '@type': raw } } })).toEqual({
    transportSocket: { name: 'raw', typedConfig: { '@type': raw } },
  });
});
