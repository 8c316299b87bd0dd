// A line of a proxy's access log as attributes: what Mixer's proxies reported after a call.
import type { AttributeValue } from '@xebec/policy';
import { type Duration, Timestamp } from '@xebec/policy';
import { RequestMethod } from '@xebec/protos/envoy/config/core/v3/base_pb';
import {
  type AccessLogCommon,
  AccessLogType,
  type HTTPAccessLogEntry,
  type TCPAccessLogEntry,
  type TLSProperties_CertificateProperties_SubjectAltName,
} from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import type { BagBuilder } from '../attributes/bag-builder.ts';
import { type CallFacts, describeSides, emptyAsAbsent, sayKnown } from '../proxies/call-facts.ts';
import { chargesIn } from '../proxies/charges.ts';
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
import { durationOf, timestampOf } from '../rpc/times.ts';
import type { WorkloadDirectory } from '../workload-directory.ts';
import { flagsText } from './response-flags.ts';

type Values = Readonly<Record<string, AttributeValue | undefined>>;

export function describeRequest(
  bag: BagBuilder,
  side: ProxySide,
  entry: HTTPAccessLogEntry,
  workloads: WorkloadDirectory,
): void {
  const { request, response, commonProperties: common } = entry;
  const headers = headersMap(request?.requestHeaders ?? {});
  const protocol = protocolOf(headers.get('content-type'));
  const host = emptyAsAbsent(request?.authority);
  describeSides(bag, side, factsOf(common, side, { protocol, host }), workloads);
  // What the application got. What stood there before is a header that its sender may write; a gateway's own rewriting
  // is told by it.
  const path =
    (side.isGateway === true || side.direction !== 'inbound' ? request?.originalPath : '') ||
    request?.path ||
    '';
  const trailers = response?.responseTrailers;
  const responseHeaders = response?.responseHeaders;
  // One object for each, of always the same names: put together they would be the most expensive part of a report.
  sayKnown(bag, commonAttributes(common));
  if (path !== '') sayKnown(bag, pathAttributes(path));
  sayKnown(bag, tokenAttributes(claimsIn(common?.metadata)));
  sayKnown(bag, {
    'request.time': startOf(common),
    'request.id': emptyAsAbsent(request?.requestId),
    'request.method': methodOf(request?.requestMethod),
    'request.host': host,
    'request.scheme': emptyAsAbsent(request?.scheme),
    'request.useragent': emptyAsAbsent(request?.userAgent),
    'request.referer': emptyAsAbsent(request?.referer),
    'request.headers': headers.size === 0 ? undefined : headers,
    'request.size': request?.requestBodyBytes,
    'request.total_size': sum(request?.requestBodyBytes, request?.requestHeadersBytes),
    'response.code': response?.responseCode === undefined ? undefined : BigInt(response.responseCode),
    'response.size': response?.responseBodyBytes,
    'response.total_size': sum(response?.responseBodyBytes, response?.responseHeadersBytes),
    'response.duration': lengthOf(common),
    'response.time': endOf(common),
    'response.headers': responseHeaders === undefined ? undefined : headersMap(responseHeaders),
    'response.grpc_status': trailers?.['grpc-status'] ?? responseHeaders?.['grpc-status'],
    'response.grpc_message': trailers?.['grpc-message'] ?? responseHeaders?.['grpc-message'],
  });
  sayTrial(bag, common);
  sayCustom(bag, common);
}

export function describeConnection(
  bag: BagBuilder,
  side: ProxySide,
  entry: TCPAccessLogEntry,
  workloads: WorkloadDirectory,
): void {
  const { connectionProperties: bytes, commonProperties: common } = entry;
  describeSides(bag, side, factsOf(common, side, { protocol: 'tcp', host: undefined }), workloads);
  const event = eventOf(common);
  sayKnown(bag, commonAttributes(common));
  sayKnown(bag, {
    'connection.event': event,
    'connection.received.bytes_total': bytes?.receivedBytes,
    'connection.sent.bytes_total': bytes?.sentBytes,
    // The proxy counts from the beginning: what came since the last line is known only where there is one line.
    'connection.received.bytes': event === 'close' ? bytes?.receivedBytes : undefined,
    'connection.sent.bytes': event === 'close' ? bytes?.sentBytes : undefined,
    'connection.duration': lengthOf(common),
  });
  sayCustom(bag, common);
}

function factsOf(
  common: AccessLogCommon | undefined,
  { direction }: ProxySide,
  { protocol, host }: { readonly protocol: CallFacts['protocol']; readonly host: string | undefined },
): CallFacts {
  const isInbound = direction === 'inbound';
  const facts: Mutable<CallFacts> = {
    protocol,
    from: endpointOf(common?.downstreamRemoteAddress),
    ...outsideServiceIn(common?.metadata),
    to: endpointOf(isInbound ? common?.downstreamLocalAddress : common?.upstreamRemoteAddress),
  };
  const time = startOf(common);
  if (time !== undefined) facts.time = time;
  const tls = common?.tlsProperties;
  const peer = tls?.peerCertificateProperties?.subjectAltName.find(isUri);
  const id = hasCaller(direction) ? peer?.san.value : undefined;
  if (id !== undefined) facts.peerId = id;
  const { peerWorkload } = peerWorkloadIn(common?.metadata);
  if (peerWorkload !== undefined) facts.peerWorkload = peerWorkload;
  if (tls !== undefined) facts.serverName = tls.tlsSniHostname;
  if (host !== undefined) facts.host = host;
  return facts;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const isUri = ({ san }: TLSProperties_CertificateProperties_SubjectAltName): boolean => san.case === 'uri';

const startOf = (common: AccessLogCommon | undefined): Timestamp | undefined =>
  common?.startTime === undefined ? undefined : timestampOf(common.startTime);

const lengthOf = (common: AccessLogCommon | undefined): Duration | undefined => {
  const length = common?.duration ?? common?.timeToLastDownstreamTxByte;
  return length === undefined ? undefined : durationOf(length);
};

function endOf(common: AccessLogCommon | undefined): Timestamp | undefined {
  const [start, length] = [startOf(common), lengthOf(common)];
  return start === undefined || length === undefined
    ? undefined
    : new Timestamp(start.nanoseconds + length.nanoseconds);
}

function commonAttributes(common: AccessLogCommon | undefined): Values {
  const decision = common?.metadata?.filterMetadata['envoy.filters.http.ext_authz'];
  const { code, message } = decision ?? {};
  return {
    'connection.id': emptyAsAbsent(common?.streamId),
    'context.proxy_error_code': flagsText(common?.responseFlags),
    'check.error_code': typeof code === 'number' && Number.isSafeInteger(code) ? BigInt(code) : undefined,
    'check.error_message': typeof message === 'string' ? message : undefined,
    'quota.charged': chargesIn(decision),
    'response.tokens': tokensOf(common, 'total'),
    'response.input_tokens': tokensOf(common, 'input'),
    'response.output_tokens': tokensOf(common, 'output'),
  };
}

/** What policies that are only tried (`istio.io/dry-run`) said; a refusal of one of them is what would have come. */
function sayTrial(bag: BagBuilder, common: AccessLogCommon | undefined): void {
  const noted = common?.metadata?.filterMetadata['envoy.filters.http.rbac'];
  if (noted === undefined) return;
  const said = trials.flatMap((prefix) => {
    const result = noted[`${prefix}shadow_engine_result`];
    const policy = noted[`${prefix}shadow_effective_policy_id`];
    return typeof result === 'string' ? [{ result, policy }] : [];
  });
  const trial = said.find(({ result }) => result === 'denied') ?? said[0];
  if (trial === undefined) return;
  sayKnown(bag, {
    'rbac.permissive.response_code': trial.result,
    'rbac.permissive.effective_policy_id': typeof trial.policy === 'string' ? trial.policy : undefined,
  });
}

const trials = ['istio_dry_run_deny_', 'istio_dry_run_allow_'];

/** What the proxy found in the answer of a language model. */
function tokensOf(
  common: AccessLogCommon | undefined,
  which: 'input' | 'output' | 'total',
): bigint | undefined {
  const count = common?.metadata?.filterMetadata['xebec.tokens']?.[which];
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? BigInt(count) : undefined;
}

const identity = /^(source|destination|context\.reporter)\./;

/** Tags named as attributes of text are what the proxy's configuration adds to the vocabulary. */
function sayCustom(bag: BagBuilder, common: AccessLogCommon | undefined): void {
  const tags = common?.customTags ?? {};
  for (const name of Object.keys(tags)) {
    const value = tags[name];
    if (value !== undefined && value !== '' && name.includes('.') && !identity.test(name))
      bag.set(name, value);
  }
}

const sum = (left: bigint | undefined, right: bigint | undefined): bigint | undefined =>
  left === undefined || right === undefined ? undefined : left + right;

const methodOf = (method: RequestMethod | undefined): string | undefined =>
  method === undefined || method === RequestMethod.METHOD_UNSPECIFIED ? undefined : RequestMethod[method];

function eventOf(common: AccessLogCommon | undefined): 'open' | 'continue' | 'close' {
  switch (common?.accessLogType) {
    case AccessLogType.TcpUpstreamConnected:
    case AccessLogType.DownstreamStart:
      return 'open';
    case AccessLogType.TcpPeriodic:
    case AccessLogType.DownstreamPeriodic:
      return 'continue';
    default:
      return common?.intermediateLogEntry === true ? 'continue' : 'close';
  }
}
