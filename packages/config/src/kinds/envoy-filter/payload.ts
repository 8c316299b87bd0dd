// What a patch carries: protobuf JSON of the one message type that its target names. Used to check it, and again to apply it.
import { type DescMessage, fromJson, type JsonObject, type Message, type Registry } from '@bufbuild/protobuf';
import type { PatchTarget } from './spec.ts';

const typeNames: Readonly<Record<PatchTarget, string>> = {
  LISTENER: 'envoy.config.listener.v3.Listener',
  LISTENER_FILTER: 'envoy.config.listener.v3.ListenerFilter',
  FILTER_CHAIN: 'envoy.config.listener.v3.FilterChain',
  NETWORK_FILTER: 'envoy.config.listener.v3.Filter',
  HTTP_FILTER: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  ROUTE_CONFIGURATION: 'envoy.config.route.v3.RouteConfiguration',
  VIRTUAL_HOST: 'envoy.config.route.v3.VirtualHost',
  HTTP_ROUTE: 'envoy.config.route.v3.Route',
  CLUSTER: 'envoy.config.cluster.v3.Cluster',
  EXTENSION_CONFIG: 'envoy.config.core.v3.TypedExtensionConfig',
  BOOTSTRAP: 'envoy.config.bootstrap.v3.Bootstrap',
};

export type Payload =
  | { readonly ok: true; readonly schema: DescMessage; readonly message: Message }
  | { readonly ok: false; readonly reason: string };

/** Reads a patch's value. Never throws: what it cannot be is said in words. */
export function readPayload(applyTo: PatchTarget, value: JsonObject, registry: Registry): Payload {
  const schema = registry.getMessage(typeNames[applyTo]);
  if (schema === undefined) return { ok: false, reason: `there is no message type ${typeNames[applyTo]}` };
  try {
    return { ok: true, schema, message: fromJson(schema, value, { registry }) };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return { ok: false, reason: wordsOf(words.replaceAll(/\p{Cc}/gu, ' ')) };
  }
}

/** The library's words, shortened, and for unknown types what that means here. */
function wordsOf(words: string): string {
  const unknown = /(?:type\.googleapis\.com\/)?([\w.]+) is not in the type registry/.exec(words);
  if (unknown !== null) return `Envoy 1.40 has no type ${unknown[1] ?? ''}`;
  return words.length > 300 ? `${words.slice(0, 300)}…` : words;
}
