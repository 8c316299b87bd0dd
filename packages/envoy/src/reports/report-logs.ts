// What proxies tell the policy service of calls that are over: in batches, and dropped (and counted by the proxy) rather than waited for.
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import {
  type Authorization,
  type AuthorizationPolicy,
  type AuthorizationProvider,
  isAskable,
} from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { type AccessLog, AccessLogSchema } from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import { ApiVersion } from '@xebec/protos/envoy/config/core/v3/config_source_pb';
import { AccessLogType } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import {
  type CommonGrpcAccessLogConfigSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '@xebec/protos/envoy/extensions/access_loggers/grpc/v3/als_pb';
import { bothOf, noted, ofTypes } from '../audit/filters.ts';
import { grpcServiceOf } from '../authorization/ask-provider.ts';
import type { OutsideNeeds } from '../authorization/outside.ts';
import { httpRbacNamespace, outsideKey } from '../authorization/verdict-names.ts';
import { durationOf } from '../duration.ts';
import type { Fields } from '../resource.ts';

/** By which the policy service knows what a stream of logs is about. */
export const reportLogName = 'xebec.policy.report';

/** How long an entry may wait for others, and how many bytes may. */
const flushMs = 200;
const bufferBytes = 65_536;

interface Listener {
  readonly policy: AuthorizationPolicy;
  readonly provider: AuthorizationProvider;
}

const listenersOf = (authorization: Authorization): readonly Listener[] =>
  authorization.flatMap((policy) =>
    policy.action === 'REPORT' && policy.provider !== undefined && isAskable(policy.provider)
      ? [{ policy, provider: policy.provider }]
      : [],
  );

/** Each request, when it is over. */
export const requestReportLogs = (authorization: Authorization): readonly AccessLog[] =>
  listenersOf(authorization).map(({ policy, provider }) => {
    const { request = [], response = [] } = policy.toldHeaders ?? {};
    return logOf(
      'http_grpc',
      anyOf(HttpGrpcAccessLogConfigSchema, {
        commonConfig: common(provider),
        additionalRequestHeadersToLog: [...request],
        additionalResponseHeadersToLog: [...response],
      }),
    );
  });

/** Each request to a service without a proxy that is to be told of. */
export function outsideReportLogs(needs: OutsideNeeds | undefined): readonly AccessLog[] {
  if (needs?.told === undefined) return [];
  const { provider, request, response } = needs.told;
  const config = anyOf(HttpGrpcAccessLogConfigSchema, {
    commonConfig: common(provider),
    additionalRequestHeadersToLog: [...request],
    additionalResponseHeadersToLog: [...response],
  });
  const isTold = noted(httpRbacNamespace, outsideKey, { case: 'prefix', value: 'told ' });
  return [logOf('http_grpc', config, bothOf(ofTypes(AccessLogType.DownstreamEnd), isTold))];
}

/** Each connection, when it is over. */
export const connectionReportLogs = (authorization: Authorization): readonly AccessLog[] =>
  listenersOf(authorization).map(({ provider }) =>
    logOf('tcp_grpc', anyOf(TcpGrpcAccessLogConfigSchema, { commonConfig: common(provider) })),
  );

const common = (provider: AuthorizationProvider): Fields<typeof CommonGrpcAccessLogConfigSchema> => ({
  logName: reportLogName,
  transportApiVersion: ApiVersion.V3,
  grpcService: grpcServiceOf(provider),
  bufferFlushInterval: durationOf(flushMs),
  bufferSizeBytes: bufferBytes,
  filterStateObjectsToLog: [],
  customTags: [tag('method', '%REQ(:METHOD)%')],
});

const tag = (name: string, value: string) => ({ tag: name, type: { case: 'value' as const, value } });

const whenOver = ofTypes(AccessLogType.DownstreamEnd, AccessLogType.TcpConnectionEnd);

const logOf = (name: string, config: Any, filter = whenOver): AccessLog =>
  create(AccessLogSchema, {
    name: `envoy.access_loggers.${name}`,
    configType: { case: 'typedConfig', value: config },
    filter,
  });
