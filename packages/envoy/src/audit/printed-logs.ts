// Audit records of proxies that no agent of ours runs: lines of JSON on their standard output, without a chain.
import { create, type JsonObject } from '@bufbuild/protobuf';
import { anyOf } from '@xebec/protos';
import {
  type AccessLog,
  type AccessLogFilter,
  AccessLogSchema,
} from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import { AccessLogType } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import { StdoutAccessLogSchema } from '@xebec/protos/envoy/extensions/access_loggers/stream/v3/stream_pb';
import { auditedRuleKey, httpRbacNamespace, networkRbacNamespace } from '../authorization/verdict-names.ts';
import { auditedOrDenied, bothOf, ofTypes } from './filters.ts';

const printed = (format: JsonObject, filter: AccessLogFilter): AccessLog =>
  create(AccessLogSchema, {
    name: 'envoy.access_loggers.stdout',
    filter,
    configType: {
      case: 'typedConfig',
      value: anyOf(StdoutAccessLogSchema, {
        accessLogFormat: { case: 'logFormat', value: { format: { case: 'jsonFormat', value: format } } },
      }),
    },
  });

const facts = (namespace: string): JsonObject => ({
  record: 'xebec.audit',
  time: '%START_TIME%',
  principal: '%DOWNSTREAM_PEER_URI_SAN%',
  address: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%',
  port: '%DOWNSTREAM_LOCAL_PORT%',
  audit: `%DYNAMIC_METADATA(${namespace}:${auditedRuleKey})%`,
  decision: `%DYNAMIC_METADATA(${namespace}:enforced_engine_result)%`,
  rule: `%DYNAMIC_METADATA(${namespace}:enforced_effective_policy_id)%`,
});

export const printedRequestLog = printed(
  {
    ...facts(httpRbacNamespace),
    issuer: '%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:iss)%',
    subject: '%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:sub)%',
    method: '%REQ(:METHOD)%',
    host: '%REQ(:AUTHORITY)%',
    path: '%PATH(NQ:ORIG_OR_PATH)%',
    requestId: '%REQ(X-REQUEST-ID)%',
    status: '%RESPONSE_CODE%',
    details: '%RESPONSE_CODE_DETAILS%',
  },
  auditedOrDenied(httpRbacNamespace),
);

export const printedConnectionLog = printed(
  {
    ...facts(networkRbacNamespace),
    serverName: '%REQUESTED_SERVER_NAME%',
    details: '%CONNECTION_TERMINATION_DETAILS%',
  },
  bothOf(ofTypes(AccessLogType.TcpConnectionEnd), auditedOrDenied(networkRbacNamespace)),
);
