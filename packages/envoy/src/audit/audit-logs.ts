// What an audited workload's proxy tells its agent, which keeps the records: each call once, as soon as it is decided.
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { Authorization, ProxyNode } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import {
  type AccessLog,
  type AccessLogFilter,
  AccessLogFilterSchema,
  AccessLogSchema,
} from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import { ApiVersion } from '@xebec/protos/envoy/config/core/v3/config_source_pb';
import { AccessLogType } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import {
  type CommonGrpcAccessLogConfigSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '@xebec/protos/envoy/extensions/access_loggers/grpc/v3/als_pb';
import { auditedRuleKey, auditState, httpRbacNamespace } from '../authorization/verdict-names.ts';
import type { Fields } from '../resource.ts';

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

/** Whose calls are audited: an AUDIT policy holds there, and its agent keeps records. */
export const isAudited = (
  authorization: Authorization,
  { keepsAudit }: Pick<ProxyNode, 'keepsAudit'>,
): boolean => keepsAudit === true && authorization.some(({ action }) => action === 'AUDIT');

type AuditedProxy = Pick<ProxyNode, 'keepsAudit'>;
type Logs = readonly AccessLog[];

/** Requests that an AUDIT rule matches, and those that are denied. */
export const requestAuditLogs = (authorization: Authorization, proxy: AuditedProxy): Logs =>
  isAudited(authorization, proxy) ? [requestLog] : [];

/** Connections when their server has been reached, and when they end; the agent knows which of it is news. */
export const connectionAuditLogs = (authorization: Authorization, proxy: AuditedProxy): Logs =>
  isAudited(authorization, proxy) ? [connectionLog] : [];

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

type StringTest = { case: 'presentMatch'; value: boolean } | { case: 'text'; value: string };

/** Whether metadata of the RBAC filters has a key, or has it with a value. */
const noted = (key: string, test: StringTest): AccessLogFilter => {
  const matchPattern =
    test.case === 'presentMatch'
      ? test
      : {
          case: 'stringMatch' as const,
          value: { matchPattern: { case: 'exact' as const, value: test.value } },
        };
  return create(AccessLogFilterSchema, {
    filterSpecifier: {
      case: 'metadataFilter',
      value: {
        matcher: {
          filter: httpRbacNamespace,
          path: [{ segment: { case: 'key', value: key } }],
          value: { matchPattern },
        },
        matchIfKeyNotFound: false,
      },
    },
  });
};

const types = (...wanted: readonly AccessLogType[]): AccessLogFilter =>
  create(AccessLogFilterSchema, {
    filterSpecifier: { case: 'logTypeFilter', value: { types: [...wanted] } },
  });

/** Of what denies requests before rules are asked: tokens, and other services that are asked for a decision. */
const deniedElsewhere = create(AccessLogFilterSchema, {
  filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['UAEX'] } },
});

const requestLog = httpLog(
  auditLogNames.request,
  create(AccessLogFilterSchema, {
    filterSpecifier: {
      case: 'orFilter',
      value: {
        filters: [
          noted(auditedRuleKey, { case: 'presentMatch', value: true }),
          noted('enforced_engine_result', { case: 'text', value: 'denied' }),
          deniedElsewhere,
        ],
      },
    },
  }),
);

const connectionLog = tcpLog(
  auditLogNames.connection,
  types(AccessLogType.TcpUpstreamConnected, AccessLogType.TcpConnectionEnd),
);
const listenerLog = tcpLog(auditLogNames.listener);
const tunnelLog = httpLog(auditLogNames.tunnel, types(AccessLogType.DownstreamStart));
const sessionLog = tcpLog(auditLogNames.session, types(AccessLogType.UdpSessionEnd));
