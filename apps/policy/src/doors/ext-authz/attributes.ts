// A CheckRequest of Envoy as attributes: what Mixer's proxies said before a call, as far as Envoy says it.
import type { HeaderMap } from '@xebec/protos/envoy/config/core/v3/base_pb';
import type {
  AttributeContext,
  AttributeContext_HttpRequest,
} from '@xebec/protos/envoy/service/auth/v3/attribute_context_pb';
import type { BagBuilder } from '../attributes/bag-builder.ts';
import { type CallFacts, describeSides, emptyAsAbsent, sayKnown } from '../proxies/call-facts.ts';
import { endpointOf } from '../proxies/endpoints.ts';
import {
  claimsIn,
  headersMap,
  outsideServiceIn,
  pathAttributes,
  peerWorkloadIn,
  protocolOf,
  tokenAttributes,
} from '../proxies/request-facts.ts';
import { hasCaller, type ProxySide } from '../proxies/side.ts';
import { timestampOf } from '../rpc/times.ts';
import type { WorkloadDirectory } from '../workload-directory.ts';

export function describeCheck(
  bag: BagBuilder,
  side: ProxySide,
  context: AttributeContext,
  workloads: WorkloadDirectory,
): void {
  const http = context.request?.http;
  const headers = http === undefined ? new Map<string, string>() : headersOf(http);
  const facts: CallFacts = {
    protocol: http === undefined ? 'tcp' : protocolOf(headers.get('content-type')),
    ...(context.request?.time === undefined ? {} : { time: timestampOf(context.request.time) }),
    ...idOf(context, side),
    ...peerWorkloadIn(context.metadataContext),
    ...outsideServiceIn(context.metadataContext),
    from: endpointOf(context.source?.address),
    // Where a call that goes out will end is not known before.
    to: side.direction === 'inbound' ? endpointOf(context.destination?.address) : {},
    ...(context.tlsSession === undefined ? {} : { serverName: context.tlsSession.sni }),
    ...(http === undefined ? {} : { host: http.host }),
  };
  describeSides(bag, side, facts, workloads);
  if (http === undefined) return;
  sayKnown(bag, {
    'request.time': facts.time,
    'request.id': headers.get('x-request-id') ?? emptyAsAbsent(http.id),
    'request.method': http.method,
    'request.host': http.host,
    'request.scheme': emptyAsAbsent(http.scheme),
    'request.useragent': headers.get('user-agent'),
    'request.referer': headers.get('referer'),
    'request.headers': headers,
    'request.size': sizeOf(http, headers),
  });
  sayKnown(bag, pathAttributes(http.path));
  sayKnown(bag, tokenAttributes(claimsIn(context.metadataContext)));
}

/** The proven identity of the other end: the caller's for a call that comes in. */
function idOf({ source, destination }: AttributeContext, { direction }: ProxySide): { peerId?: string } {
  const id = emptyAsAbsent(hasCaller(direction) ? source?.principal : destination?.principal);
  return id === undefined ? {} : { peerId: id };
}

function headersOf({ headers, headerMap }: AttributeContext_HttpRequest): ReadonlyMap<string, string> {
  return headerMap === undefined || headerMap.headers.length === 0 ? headersMap(headers) : mapOf(headerMap);
}

const decoder = new TextDecoder();

/** What is no UTF-8 is read as U+FFFD. */
function mapOf({ headers }: HeaderMap): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const { key, value, rawValue } of headers) {
    const text = rawValue.length > 0 ? decoder.decode(rawValue) : value;
    const before = map.get(key);
    map.set(key, before === undefined ? text : `${before},${text}`);
  }
  return map;
}

/** Bytes of the body, as far as they are known before it is read: Envoy itself says 0 then, whatever comes. */
function sizeOf(
  { size }: AttributeContext_HttpRequest,
  headers: ReadonlyMap<string, string>,
): bigint | undefined {
  const length = headers.get('content-length');
  if (length !== undefined && /^\d{1,18}$/.test(length)) return BigInt(length);
  return size > 0n ? size : undefined;
}
