// Requests of both protocols as plain values. The rule: what a client may make us keep is bounded and free of control characters.
import { fromBinary } from '@bufbuild/protobuf';
import type { Node } from '@xebec/protos/envoy/config/core/v3/base_pb';
import {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from '@xebec/protos/envoy/service/discovery/v3/discovery_pb';
import type { Limits } from './options.ts';
import type { ClientNode, TypeUrl } from './types.ts';

interface CommonRequest {
  readonly typeUrl: TypeUrl;
  readonly nonce: string;
  /** The client refuses the response with this nonce. */
  readonly error: string | undefined;
  readonly node: ClientNode | undefined;
}

export interface DeltaRequest extends CommonRequest {
  readonly kind: 'delta';
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What the client has from before, by name. */
  readonly known: ReadonlyMap<string, string>;
}

export interface StateRequest extends CommonRequest {
  readonly kind: 'state-of-the-world';
  readonly names: readonly string[];
  /** The client has a version, of this stream or one before. */
  readonly hasVersion: boolean;
}

/** A request that is not served; `message` goes to the client. */
export class RefusedRequest extends Error {}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const controlCharacter = /[\u0000-\u001f\u007f]/;

function checkText(text: string, what: string, limits: Limits): void {
  if (text.length > limits.nameBytes) throw new RefusedRequest(`${what} is longer than ${limits.nameBytes}`);
  if (controlCharacter.test(text)) throw new RefusedRequest(`${what} contains control characters`);
}

function checkNames(names: readonly string[], limits: Limits): void {
  if (names.length > limits.namesPerRequest) {
    throw new RefusedRequest(`more than ${limits.namesPerRequest} names in one request`);
  }
  for (const name of names) checkText(name, 'a resource name', limits);
}

function plainNode(node: Node | undefined, limits: Limits): ClientNode | undefined {
  if (node === undefined || node.id === '') return undefined;
  checkText(node.id, 'the node id', limits);
  checkText(node.cluster, 'the node cluster', limits);
  const metadata = node.metadata ?? {};
  if (JSON.stringify(metadata).length > limits.nodeBytes) {
    throw new RefusedRequest(`node metadata is larger than ${limits.nodeBytes} bytes`);
  }
  const { locality } = node;
  return {
    id: node.id,
    cluster: node.cluster,
    metadata,
    userAgent: userAgentOf(node),
    ...(locality === undefined
      ? {}
      : { locality: { region: locality.region, zone: locality.zone, subZone: locality.subZone } }),
  };
}

function userAgentOf(node: Node): string {
  const { userAgentVersionType } = node;
  if (userAgentVersionType.case === 'userAgentVersion')
    return `${node.userAgentName}/${userAgentVersionType.value}`;
  const version =
    userAgentVersionType.case === 'userAgentBuildVersion' ? userAgentVersionType.value.version : undefined;
  if (version === undefined) return node.userAgentName;
  return `${node.userAgentName}/${version.majorNumber}.${version.minorNumber}.${version.patch}`;
}

function errorText(
  error: { readonly message: string; readonly code: number } | undefined,
): string | undefined {
  if (error === undefined) return undefined;
  return (error.message === '' ? `code ${error.code}` : error.message).slice(0, 16_384);
}

/** Throws `RefusedRequest` for what is over a limit, other errors for what is no request at all. */
export function decodeDeltaRequest(bytes: Uint8Array, limits: Limits): DeltaRequest {
  const message = fromBinary(DeltaDiscoveryRequestSchema, bytes);
  const known = new Map(Object.entries(message.initialResourceVersions));
  checkText(message.typeUrl, 'the type URL', limits);
  checkNames(message.resourceNamesSubscribe, limits);
  checkNames(message.resourceNamesUnsubscribe, limits);
  checkNames([...known.keys()], limits);
  return {
    kind: 'delta',
    typeUrl: message.typeUrl,
    nonce: message.responseNonce,
    error: errorText(message.errorDetail),
    node: plainNode(message.node, limits),
    subscribe: message.resourceNamesSubscribe,
    unsubscribe: message.resourceNamesUnsubscribe,
    known,
  };
}

/** Throws like `decodeDeltaRequest`. */
export function decodeStateRequest(bytes: Uint8Array, limits: Limits): StateRequest {
  const message = fromBinary(DiscoveryRequestSchema, bytes);
  checkText(message.typeUrl, 'the type URL', limits);
  checkNames(message.resourceNames, limits);
  return {
    kind: 'state-of-the-world',
    typeUrl: message.typeUrl,
    nonce: message.responseNonce,
    error: errorText(message.errorDetail),
    node: plainNode(message.node, limits),
    names: message.resourceNames,
    hasVersion: message.versionInfo !== '',
  };
}
