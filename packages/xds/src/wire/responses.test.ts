// Hand-made framing against the generated decoder: what goes in comes out, however long.
import { fromBinary } from '@bufbuild/protobuf';
import {
  DeltaDiscoveryResponseSchema,
  DiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLUSTER } from '../roles.ts';
import type { EncodedResource } from '../types.ts';
import { deltaItemLength, encodeDeltaBody } from './delta-response.ts';
import { varintLength } from './proto-writer.ts';
import { encodeStateBody, withNonce } from './state-response.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 300 });
const resource: fc.Arbitrary<EncodedResource> = fc.record({
  name: text,
  hash: text,
  chunks: fc.array(fc.uint8Array({ maxLength: 20_000 }), { maxLength: 4 }),
  aliases: fc.array(text, { maxLength: 3 }),
  needs: fc.constant([]),
  causes: fc.constant([]),
});
const joined = (one: EncodedResource): Uint8Array => new Uint8Array(Buffer.concat([...one.chunks]));

describe('responses', () => {
  it('of delta carry every part', () => {
    const names = fc.array(text, { maxLength: 3 });
    fc.assert(
      fc.property(
        fc.array(resource, { maxLength: 5 }),
        names,
        names,
        text,
        (resources, removed, absent, nonce) => {
          const items = resources.map((one) => ({ resource: one, aliases: ['asked'] }));
          const body = encodeDeltaBody({ typeUrl: CLUSTER, version: 'v', items, absent, removed });
          const message = fromBinary(DeltaDiscoveryResponseSchema, withNonce(body, nonce));
          expect(message).toMatchObject({
            systemVersionInfo: 'v',
            typeUrl: CLUSTER,
            nonce,
            removedResources: removed,
          });
          const expected = resources.map((one) => ({
            name: one.name,
            version: one.hash,
            aliases: [...one.aliases, 'asked'],
            resource: { typeUrl: CLUSTER },
          }));
          expect(message.resources.slice(0, resources.length)).toMatchObject(expected);
          const values = message.resources.slice(0, resources.length).map((one) => one.resource?.value ?? []);
          expect(values.map((value) => new Uint8Array(value))).toEqual(resources.map(joined));
          const missing = message.resources.slice(resources.length);
          expect(missing.map(({ name }) => name)).toEqual(absent);
          for (const one of missing) expect(one.resource).toBeUndefined();
        },
      ),
    );
  });

  it('of the state of the world carry every resource', () => {
    fc.assert(
      fc.property(fc.array(resource, { maxLength: 5 }), (resources) => {
        const body = encodeStateBody({ typeUrl: CLUSTER, version: 'v', resources });
        const message = fromBinary(DiscoveryResponseSchema, withNonce(body, '7'));
        expect(message).toMatchObject({ versionInfo: 'v', typeUrl: CLUSTER, nonce: '7' });
        expect(message.resources.map(({ value }) => new Uint8Array(value))).toEqual(resources.map(joined));
      }),
    );
  });

  it('are as long as was computed before', () => {
    fc.assert(
      fc.property(resource, (one) => {
        const item = { resource: one, aliases: [] };
        const content = { typeUrl: CLUSTER, version: 'v', absent: [], removed: [] };
        const empty = encodeDeltaBody({ ...content, items: [] }).byteLength;
        const full = encodeDeltaBody({ ...content, items: [item] }).byteLength;
        expect(full - empty).toBe(deltaItemLength(CLUSTER, item));
      }),
    );
  });

  it('know the length of every varint', () => {
    expect([0, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 35].map(varintLength)).toEqual([1, 1, 2, 2, 3, 5, 6]);
  });
});
