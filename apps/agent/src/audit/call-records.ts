// Audit records out of what a proxy logs. Which call is one is decided here for connections; for requests the proxy has done it.

import type { AuditedOperation, CallRecord } from '@xebec/journal-file';
import type { Address } from '@xebec/protos/envoy/config/core/v3/address_pb';
import {
  type AccessLogCommon,
  AccessLogType,
  type HTTPAccessLogEntry,
  type TCPAccessLogEntry,
} from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import { type Decision, decisionOfConnection, decisionOfRequest, markOf } from './decisions.ts';

/** Whose proxy it is. */
export interface AuditedWorkload {
  /** `NAMESPACE/NAME`. */
  readonly workload: string;
  readonly pod: string;
}

/** Longer ones are cut: a record is for reading. */
const mostLetters = 4_096;
const cut = (text: string): string =>
  text.length <= mostLetters ? text : `${text.slice(0, mostLetters)}… (${text.length} characters)`;

/** A request of HTTP or gRPC; the proxy only tells those that are audited or denied. Queries may hold secrets: they stay out. */
export function recordOfRequest(entry: HTTPAccessLogEntry, whose: AuditedWorkload): CallRecord | undefined {
  const decision = decisionOfRequest(entry);
  // An answer of the application itself that looks like a denial.
  if (decision.decision === 'allowed' && decision.audit === undefined) return undefined;
  const { request, response, commonProperties: common } = entry;
  const contentType = request?.requestHeaders['content-type'] ?? '';
  const path = (request?.originalPath || request?.path)?.split(/[?#]/)[0];
  const method = said(common?.customTags['method']);
  const port = portOf(common?.downstreamLocalAddress);
  return {
    ...recordOf(common, whose, {
      protocol: contentType.startsWith('application/grpc') ? 'grpc' : 'http',
      ...(method === undefined ? {} : { method: cut(method) }),
      ...(request?.authority === undefined || request.authority === ''
        ? {}
        : { host: cut(request.authority) }),
      ...(path === undefined || path === '' ? {} : { path: cut(path) }),
      ...(port === undefined ? {} : { port }),
    }),
    ...decision,
    ...(request?.requestId === undefined || request.requestId === ''
      ? {}
      : { requestId: cut(request.requestId) }),
    ...(response?.responseCode === undefined ? {} : { status: response.responseCode }),
  };
}

/** Remembers which connections have a record, from when they are connected to when they end. */
export interface ConnectionBook {
  recordOf(entry: TCPAccessLogEntry, whose: AuditedWorkload): CallRecord | undefined;
}

export function createConnectionBook(): ConnectionBook {
  const recorded = new Set<string>();
  return {
    recordOf({ commonProperties: common }, whose) {
      if (common === undefined) return undefined;
      const decision = decisionOfConnection(common);
      const { streamId, accessLogType } = common;
      const isEnd = accessLogType === AccessLogType.TcpConnectionEnd;
      const wasRecorded = isEnd ? recorded.delete(streamId) : recorded.has(streamId);
      const isNews = decision.decision === 'denied' ? isEnd : decision.audit !== undefined && !wasRecorded;
      if (!isNews) return undefined;
      if (!isEnd) recorded.add(streamId);
      return { ...recordOf(common, whose, connectionOperation(common, 'tcp')), ...decision };
    },
  };
}

/** A connection that no filter chain took, that did not prove who it is, or that may not open tunnels of datagrams. */
export function recordOfRefusedConnection(
  { commonProperties: common }: TCPAccessLogEntry,
  whose: AuditedWorkload,
): CallRecord | undefined {
  if (common === undefined) return undefined;
  const decision = decisionOfConnection(common);
  const isTunnel = common.customTags['chain']?.endsWith('_udp_mutual_tls') === true;
  const operation = connectionOperation(common, isTunnel ? 'udp' : 'tcp');
  if (decision.decision === 'denied' && isTunnel)
    return { ...recordOf(common, whose, operation), ...decision };
  const reason = refusalOf(common);
  if (reason === undefined) return undefined;
  // Whatever name it has shown, it has not proven it.
  const { principal: _unproven, ...facts } = recordOf(common, whose, operation);
  return { ...facts, decision: 'denied', reason: cut(reason) };
}

/** A handshake that failed, not a connection that broke. */
const failedHandshake = /:SSL routines:/;

function refusalOf({ responseFlags, downstreamTransportFailureReason }: AccessLogCommon): string | undefined {
  if (failedHandshake.test(downstreamTransportFailureReason)) return downstreamTransportFailureReason;
  return responseFlags?.noRouteFound === true ? 'the port takes no such connection' : undefined;
}

/** A session of datagrams in a tunnel of mutual TLS, if it is audited. */
export function recordOfTunnel(
  { commonProperties: common }: HTTPAccessLogEntry,
  whose: AuditedWorkload,
): CallRecord | undefined {
  const audit = common === undefined ? undefined : markOf(common);
  if (common === undefined || audit === undefined) return undefined;
  const record = recordOf(common, whose, connectionOperation(common, 'udp'));
  return { ...record, decision: 'allowed', audit };
}

/** A session of datagrams in the clear: no rule can be asked about it, so each one is recorded. */
export const recordOfSession = (
  { commonProperties: common }: TCPAccessLogEntry,
  whose: AuditedWorkload,
): CallRecord => ({
  ...recordOf(common, whose, connectionOperation(common, 'udp')),
  decision: 'allowed',
});

type Facts = Omit<CallRecord, keyof Decision>;

function recordOf(
  common: AccessLogCommon | undefined,
  whose: AuditedWorkload,
  operation: AuditedOperation,
): Facts {
  const { startTime } = common ?? {};
  const timeMs = startTime === undefined ? 0 : Number(startTime.seconds) * 1_000 + startTime.nanos / 1e6;
  const principal = principalOf(common);
  const user = userOf(common);
  const address = textOf(common?.downstreamDirectRemoteAddress ?? common?.downstreamRemoteAddress);
  return {
    kind: 'call',
    time: new Date(timeMs).toISOString(),
    ...whose,
    ...(principal === undefined ? {} : { principal: cut(principal) }),
    ...(user === undefined ? {} : { user }),
    ...(address === undefined ? {} : { address }),
    operation,
  };
}

function connectionOperation(common: AccessLogCommon | undefined, protocol: 'tcp' | 'udp'): AuditedOperation {
  const port = portOf(common?.downstreamLocalAddress);
  const serverName = common?.tlsProperties?.tlsSniHostname ?? '';
  return {
    protocol,
    ...(port === undefined ? {} : { port }),
    ...(serverName === '' ? {} : { serverName: cut(serverName) }),
  };
}

function principalOf(common: AccessLogCommon | undefined): string | undefined {
  const names = common?.tlsProperties?.peerCertificateProperties?.subjectAltName ?? [];
  const [only, ...others] = names.flatMap(({ san }) => (san.case === 'uri' ? [san.value] : []));
  // Who has several names is nobody.
  return others.length === 0 ? only : undefined;
}

/** Of a token that has been verified: its payload is in the metadata, below the name that was chosen for it. */
function userOf(common: AccessLogCommon | undefined): CallRecord['user'] {
  const payloads = common?.metadata?.filterMetadata['envoy.filters.http.jwt_authn'] ?? {};
  for (const payload of Object.values(payloads)) {
    if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) continue;
    const { iss: issuer, sub: subject } = payload;
    if (typeof issuer !== 'string' && typeof subject !== 'string') continue;
    return {
      ...(typeof issuer === 'string' ? { issuer: cut(issuer) } : {}),
      ...(typeof subject === 'string' ? { subject: cut(subject) } : {}),
    };
  }
  return undefined;
}

/** Envoy writes `-` where there is nothing. */
export const said = (text: string | undefined): string | undefined =>
  text === undefined || text === '' || text === '-' ? undefined : text;

function portOf(address: Address | undefined): number | undefined {
  if (address?.address.case !== 'socketAddress') return undefined;
  const { portSpecifier } = address.address.value;
  return portSpecifier.case === 'portValue' ? portSpecifier.value : undefined;
}

function textOf(address: Address | undefined): string | undefined {
  if (address?.address.case !== 'socketAddress') return undefined;
  const { address: ip } = address.address.value;
  return `${ip.includes(':') ? `[${ip}]` : ip}:${portOf(address) ?? 0}`;
}
