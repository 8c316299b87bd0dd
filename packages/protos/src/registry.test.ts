// Canonical JSON for people and goldens: nested Any is spelled out, whatever packed it.
import { readFileSync } from 'node:fs';
import { create, fromJsonString } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { ListenerSchema } from '@xebec/protos/envoy/config/listener/v3/listener_pb';
import { RouterSchema } from '@xebec/protos/envoy/extensions/filters/http/router/v3/router_pb';
import { HttpConnectionManagerSchema } from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { NameTableSchema } from '@xebec/protos/istio/networking/nds/v1/nds_pb';
import { expect, test } from 'vitest';
import { anyOf, encode } from './index.ts';
import { apiRegistry, toJsonText } from './registry.ts';

const descriptors = new URL('../descriptors/envoy.binpb', import.meta.url);
const registry = apiRegistry(() => readFileSync(descriptors));

const router = anyOf(RouterSchema, { suppressEnvoyHeaders: true });
const manager = anyOf(HttpConnectionManagerSchema, {
  statPrefix: 'outbound_80',
  httpFilters: [{ name: 'envoy.filters.http.router', configType: { case: 'typedConfig', value: router } }],
  streamIdleTimeout: { seconds: 1n, nanos: 500_000_000 },
});
const listener = create(ListenerSchema, {
  name: '0.0.0.0_80',
  filterChains: [{ filters: [{ name: 'hcm', configType: { case: 'typedConfig', value: manager } }] }],
  perConnectionBufferLimitBytes: 1024,
});

test('prints a listener with the content of its Any values', () => {
  expect(JSON.parse(toJsonText(registry(), ListenerSchema, listener))).toEqual({
    name: '0.0.0.0_80',
    filterChains: [
      {
        filters: [
          {
            name: 'hcm',
            typedConfig: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              statPrefix: 'outbound_80',
              streamIdleTimeout: '1.500s',
              httpFilters: [
                {
                  name: 'envoy.filters.http.router',
                  typedConfig: {
                    '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
                    suppressEnvoyHeaders: true,
                  },
                },
              ],
            },
          },
        ],
      },
    ],
    perConnectionBufferLimitBytes: 1024,
  });
});

test('reads its own output back to the same bytes', () => {
  const text = toJsonText(registry(), ListenerSchema, listener);
  const again = fromJsonString(ListenerSchema, text, { registry: registry() });
  expect(encode(ListenerSchema, again)).toEqual(encode(ListenerSchema, listener));
});

test('knows the types written here', () => {
  const table = anyOf(NameTableSchema, { table: { 'a.b.svc': { ips: ['10.0.0.1'] } } });
  expect(JSON.parse(toJsonText(registry(), AnySchema, table))).toMatchObject({
    table: { 'a.b.svc': { ips: ['10.0.0.1'] } },
  });
});

test('reads the descriptors at the first use and not again', () => {
  let reads = 0;
  const lazy = apiRegistry(() => {
    reads++;
    return readFileSync(descriptors);
  });
  expect(reads).toBe(0);
  expect(lazy()).toBe(lazy());
  expect(reads).toBe(1);
});
