// Secret discovery by both protocols: what is asked for is sent, a renewal is pushed, an acknowledgement is not answered.
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { SecretSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import { describe, expect, test } from 'vitest';
import type { IdentityMaterial, WorkloadIdentity } from '../identity/workload-identity.ts';
import { createDeltaStream, createStateStream } from './secret-streams.ts';
import { createSecretStore } from './secrets.ts';

class FakeIdentity implements WorkloadIdentity {
  current: IdentityMaterial = material(1, ['root 1']);
  readonly #listeners = new Set<(material: IdentityMaterial) => void>();

  subscribe(listener: (material: IdentityMaterial) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  trust(): void {}

  renew(next: IdentityMaterial): void {
    this.current = next;
    for (const listener of this.#listeners) listener(next);
  }

  [Symbol.dispose](): void {}
}

const material = (count: number, rootsPem: readonly string[]): IdentityMaterial => ({
  spiffeId: 'spiffe://cluster.local/ns/default/sa/a',
  certificatesPem: `certificate ${count}`,
  privateKeyPem: `key ${count}`,
  rootsPem,
  revocationsPem: '',
  anchorsPem: [],
  bundle: '',
  issuer: '',
  serial: '',
  issuedAt: 0,
  notBefore: 0,
  notAfter: 1,
});

/** Name and content of a packed secret. */
function shown(value: Uint8Array): string {
  const { name, type } = fromBinary(SecretSchema, value);
  const text = (bytes: unknown): string =>
    bytes instanceof Uint8Array ? Buffer.from(bytes).toString() : '?';
  if (type.case === 'tlsCertificate') {
    return `${name}: ${text(type.value.certificateChain?.specifier.value)}, ${text(type.value.privateKey?.specifier.value)}`;
  }
  return type.case === 'validationContext' ? `${name}: ${text(type.value.trustedCa?.specifier.value)}` : name;
}

describe('state of the world', () => {
  function open() {
    const identity = new FakeIdentity();
    const responses: string[][] = [];
    const refusals: string[] = [];
    let last = { nonce: '', version: '' };
    const stream = createStateStream({
      store: createSecretStore(identity),
      onRefusal: (message) => void refusals.push(message),
      send: (bytes) => {
        const { nonce, versionInfo: version, resources } = fromBinary(DiscoveryResponseSchema, bytes);
        last = { nonce, version };
        responses.push(resources.map(({ value }) => shown(value)));
      },
    });
    const ask = (init: MessageInitShape<typeof DiscoveryRequestSchema>): void =>
      stream.receive(toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, init)));
    const ack = (...resourceNames: string[]): void =>
      ask({ resourceNames, responseNonce: last.nonce, versionInfo: last.version });
    return { identity, responses, refusals, ask, ack, stream, nonce: () => last.nonce };
  }

  test('sends what is named, then what is renewed, and nothing for an acknowledgement', () => {
    const { identity, responses, ask, ack } = open();
    ask({ resourceNames: ['default'] });
    ack('default');
    expect(responses).toEqual([['default: certificate 1, key 1']]);
    identity.renew(material(2, ['root 1']));
    ack('default');
    expect(responses.slice(1)).toEqual([['default: certificate 2, key 2']]);
  });

  test('roots that stay are not sent again; new ones are', () => {
    const { identity, responses, ask, ack } = open();
    ask({ resourceNames: ['ROOTCA'] });
    ack('ROOTCA');
    identity.renew(material(2, ['root 1']));
    expect(responses).toEqual([['ROOTCA: root 1']]);
    identity.renew(material(3, ['root 1', ' root 2']));
    expect(responses.slice(1)).toEqual([['ROOTCA: root 1 root 2']]);
  });

  test('a refusal is told and not answered; unknown names and old nonces are passed over', () => {
    const { responses, refusals, ask, nonce } = open();
    ask({ resourceNames: ['default', 'other'] });
    const sent = responses.length;
    ask({ resourceNames: ['default'], responseNonce: nonce(), errorDetail: { code: 3, message: 'bad key' } });
    ask({ resourceNames: ['ROOTCA'], responseNonce: 'long ago' });
    expect(responses).toHaveLength(sent);
    expect(refusals).toEqual(['bad key']);
  });

  test('after its end nothing is sent', () => {
    const { identity, responses, ask, stream } = open();
    ask({ resourceNames: ['default'] });
    stream[Symbol.dispose]();
    identity.renew(material(2, []));
    expect(responses).toHaveLength(1);
  });
});

describe('incremental', () => {
  function open() {
    const identity = new FakeIdentity();
    const responses: { readonly sent: string[]; readonly removed: string[]; readonly versions: string[] }[] =
      [];
    const stream = createDeltaStream({
      store: createSecretStore(identity),
      onRefusal: () => undefined,
      send: (bytes) => {
        const { resources, removedResources: removed } = fromBinary(DeltaDiscoveryResponseSchema, bytes);
        const sent = resources.map(({ resource }) => shown(resource?.value ?? new Uint8Array()));
        responses.push({ sent, removed, versions: resources.map(({ version }) => version) });
      },
    });
    const ask = (init: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void =>
      stream.receive(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, init)));
    return { identity, responses, ask };
  }

  test('sends what is subscribed, says what does not exist, and pushes what changed only', () => {
    const { identity, responses, ask } = open();
    ask({ resourceNamesSubscribe: ['default', 'ROOTCA', 'other'] });
    expect(responses).toEqual([
      { sent: ['default: certificate 1, key 1', 'ROOTCA: root 1'], removed: ['other'], versions: ['1', '1'] },
    ]);
    ask({ responseNonce: '1' });
    identity.renew(material(2, ['root 1']));
    expect(responses.slice(1)).toEqual([
      { sent: ['default: certificate 2, key 2'], removed: [], versions: ['2'] },
    ]);
    ask({ resourceNamesUnsubscribe: ['default'] });
    identity.renew(material(3, ['root 1']));
    expect(responses).toHaveLength(2);
  });

  test('what the proxy still holds after a reconnect is not sent again', () => {
    const { responses, ask } = open();
    ask({ resourceNamesSubscribe: ['default', 'ROOTCA'], initialResourceVersions: { ROOTCA: '1' } });
    expect(responses.map(({ sent }) => sent)).toEqual([['default: certificate 1, key 1']]);
  });
});
