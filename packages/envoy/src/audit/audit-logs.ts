// What an audited workload's proxy tells its agent, which keeps the records: each call once, as soon as it is decided.
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { Authorization, ProxyNode } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import {
  type AccessLog,
  type AccessLogFilter,
  AccessLogSchema,
} from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import { ApiVersion } from '@xebec/protos/envoy/config/core/v3/config_source_pb';
import { AccessLogType } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import {
  type CommonGrpcAccessLogConfigSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '@xebec/protos/envoy/extensions/access_loggers/grpc/v3/als_pb';
import { auditState, httpRbacNamespace } from '../authorization/verdict-names.ts';
import type { Fields } from '../resource.ts';
import { auditedOrDenied, ofTypes as types } from './filters.ts';
import { printedConnectionLog, printedRequestLog } from './printed-logs.ts';

/** The agent's socket; see the proxy's bootstrap. */
const agentCluster = 'xds-grpc';

/** The logs by which the agent tells what a message is about. */
export const auditLogNames = {
  request: 'xebec.audit.request',
  connection: 'xebec.audit.connection',
  /** Connections as the listener sees them: also those that never get to anything that would log them. */
  listener: 'xebec.audit.listener',
  tunnel: 'xebec.audit.tunnel',
  session: 'xebec.audit.session',
} as const;

/** Where an AUDIT policy holds. */
const isWatched = (authorization: Authorization): boolean =>
  authorization.some(({ action }) => action === 'AUDIT');

type AuditedProxy = Pick<ProxyNode, 'keepsAudit'>;
type Logs = readonly AccessLog[];

const isAudited = (authorization: Authorization, { keepsAudit }: AuditedProxy): boolean =>
  keepsAudit === true && isWatched(authorization);

/** Requests that an AUDIT rule matches, and those that are denied; printed where no agent keeps records. */
export const requestAuditLogs = (authorization: Authorization, { keepsAudit }: AuditedProxy): Logs =>
  isWatched(authorization) ? [keepsAudit === true ? requestLog : printedRequestLog] : [];

/** Connections when their server has been reached, and when they end; the agent knows which of it is news. */
export const connectionAuditLogs = (authorization: Authorization, { keepsAudit }: AuditedProxy): Logs =>
  isWatched(authorization) ? [keepsAudit === true ? connectionLog : printedConnectionLog] : [];

/** What is turned away before any filter sees it. */
export const listenerAuditLogs = (authorization: Authorization, proxy: AuditedProxy): Logs =>
  isAudited(authorization, proxy) ? [listenerLog] : [];

/** Sessions of datagrams that come in a tunnel, when they begin. */
export const tunnelAuditLogs = (authorization: Authorization, proxy: AuditedProxy): Logs =>
  isAudited(authorization, proxy) ? [tunnelLog] : [];

/** Sessions of datagrams in the clear, when they end. */
export const sessionAuditLogs = (authorization: Authorization, proxy: AuditedProxy): Logs =>
  isAudited(authorization, proxy) ? [sessionLog] : [];

const tag = (name: string, value: string) => ({ tag: name, type: { case: 'value' as const, value } });

/** Each entry is sent at once: what waits would be lost with the proxy. */
const common = (logName: string): Fields<typeof CommonGrpcAccessLogConfigSchema> => ({
  logName,
  transportApiVersion: ApiVersion.V3,
  grpcService: { targetSpecifier: { case: 'envoyGrpc', value: { clusterName: agentCluster } } },
  bufferSizeBytes: 0,
  customTags: [
    tag('audit', `%FILTER_STATE(${auditState}:PLAIN)%`),
    tag('verdict', '%FILTER_STATE(xebec.verdict:PLAIN)%'),
    tag('chain', '%FILTER_CHAIN_NAME%'),
  ],
});

const logOf = (name: string, config: Any, filter?: AccessLogFilter): AccessLog =>
  create(AccessLogSchema, {
    name: `envoy.access_loggers.${name}`,
    configType: { case: 'typedConfig', value: config },
    ...(filter === undefined ? {} : { filter }),
  });

const httpLog = (logName: string, filter: AccessLogFilter): AccessLog => {
  const base = common(logName);
  const commonConfig = { ...base, customTags: [...(base.customTags ?? []), tag('method', '%REQ(:METHOD)%')] };
  const additionalRequestHeadersToLog = ['content-type'];
  return logOf(
    'http_grpc',
    anyOf(HttpGrpcAccessLogConfigSchema, { commonConfig, additionalRequestHeadersToLog }),
    filter,
  );
};

const tcpLog = (logName: string, filter?: AccessLogFilter): AccessLog =>
  logOf('tcp_grpc', anyOf(TcpGrpcAccessLogConfigSchema, { commonConfig: common(logName) }), filter);

const requestLog = httpLog(auditLogNames.request, auditedOrDenied(httpRbacNamespace));
const connectionLog = tcpLog(
  auditLogNames.connection,
  types(AccessLogType.TcpUpstreamConnected, AccessLogType.TcpConnectionEnd),
);
const listenerLog = tcpLog(auditLogNames.listener);
const tunnelLog = httpLog(auditLogNames.tunnel, types(AccessLogType.DownstreamStart));
const sessionLog = tcpLog(auditLogNames.session, types(AccessLogType.UdpSessionEnd));
