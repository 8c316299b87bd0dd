// Secret discovery for one proxy, both protocols: what is subscribed is sent, a renewal is pushed, a refusal is told and not repeated.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { typeUrl } from '@xebec/protos';
import { SecretSchema } from '@xebec/protos/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import { isSecretName, type SecretStore } from './secrets.ts';

const secretType = typeUrl(SecretSchema);

/** One stream: give it the requests, it calls `send`. */
export interface SecretStream extends Disposable {
  receive(request: Uint8Array): void;
}

export interface SecretStreamOptions {
  readonly store: SecretStore;
  readonly send: (response: Uint8Array) => void;
  /** The proxy refused a secret. */
  readonly onRefusal: (message: string) => void;
}

/** State of the world: every response holds all that is subscribed. */
export function createStateStream({ store, send, onRefusal }: SecretStreamOptions): SecretStream {
  let names: readonly string[] = [];
  let nonce = 0;
  const delivery = store.deliveries.open();
  const push = (): void => {
    const secrets = names.flatMap((name) => store.get(name) ?? []);
    if (secrets.length === 0) return;
    nonce += 1;
    const response = create(DiscoveryResponseSchema, {
      versionInfo: secrets.map(({ version }) => version).join('.'),
      typeUrl: secretType,
      nonce: String(nonce),
      resources: secrets.map(({ resource }) => resource),
    });
    delivery.sent(
      String(nonce),
      secrets.map(({ name, version }) => [name, version]),
    );
    send(toBinary(DiscoveryResponseSchema, response));
  };
  const following = store.subscribe((changed) => {
    if (changed.some((name) => names.includes(name))) push();
  });
  return {
    receive(bytes) {
      const request = fromBinary(DiscoveryRequestSchema, bytes);
      if (request.errorDetail !== undefined) onRefusal(request.errorDetail.message);
      delivery.answered(request.responseNonce, request.errorDetail?.message);
      const isStale = request.responseNonce !== '' && request.responseNonce !== String(nonce);
      if (isStale) return;
      const asked = request.resourceNames.filter(isSecretName);
      const isNew = asked.some((name) => !names.includes(name));
      delivery.dropped(names.filter((name) => !asked.includes(name)));
      names = asked;
      if (isNew) push();
    },
    [Symbol.dispose]: () => close(following, delivery),
  };
}

/** Incremental: only what changed. A name that does not exist is said to be gone, so that nobody waits for it. */
export function createDeltaStream({ store, send, onRefusal }: SecretStreamOptions): SecretStream {
  const subscribed = new Set<string>();
  let nonce = 0;
  const delivery = store.deliveries.open();
  const push = (names: readonly string[], removedResources: readonly string[] = []): void => {
    if (names.length === 0 && removedResources.length === 0) return;
    nonce += 1;
    const secrets = names.flatMap((name) => store.get(name) ?? []);
    delivery.sent(
      String(nonce),
      secrets.map(({ name, version }) => [name, version]),
    );
    const response = create(DeltaDiscoveryResponseSchema, {
      typeUrl: secretType,
      nonce: String(nonce),
      resources: secrets,
      removedResources: [...removedResources],
    });
    send(toBinary(DeltaDiscoveryResponseSchema, response));
  };
  const following = store.subscribe((changed) => push(changed.filter((name) => subscribed.has(name))));
  return {
    receive(bytes) {
      const request = fromBinary(DeltaDiscoveryRequestSchema, bytes);
      if (request.errorDetail !== undefined) onRefusal(request.errorDetail.message);
      delivery.answered(request.responseNonce, request.errorDetail?.message);
      for (const name of request.resourceNamesUnsubscribe) subscribed.delete(name);
      delivery.dropped(request.resourceNamesUnsubscribe);
      const asked = request.resourceNamesSubscribe;
      const found = asked.filter(isSecretName);
      for (const name of found) subscribed.add(name);
      const held = request.initialResourceVersions;
      push(
        found.filter((name) => {
          const secret = store.get(name);
          return secret !== undefined && held[name] !== secret.version;
        }),
        asked.filter((name) => store.get(name) === undefined),
      );
    },
    [Symbol.dispose]: () => close(following, delivery),
  };
}

function close(...parts: readonly Disposable[]): void {
  for (const part of parts) part[Symbol.dispose]();
}
