// Access logs in Istio's default text format, and as JSON with identities and causes.
import { create, type JsonObject } from '@bufbuild/protobuf';
import { anyOf } from '@xebec/protos';
import { type AccessLog, AccessLogSchema } from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import type { AccessLogType } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import { StdoutAccessLogSchema } from '@xebec/protos/envoy/extensions/access_loggers/stream/v3/stream_pb';
import type { ProxySettings } from '../inputs.ts';

/** Command operators by their JSON key, in the order of Istio's text format. */
const operators: readonly (readonly [string, string, 'bare' | 'quoted'])[] = [
  ['response_code', '%RESPONSE_CODE%', 'bare'],
  ['response_flags', '%RESPONSE_FLAGS%', 'bare'],
  ['response_code_details', '%RESPONSE_CODE_DETAILS%', 'bare'],
  ['connection_termination_details', '%CONNECTION_TERMINATION_DETAILS%', 'bare'],
  ['upstream_transport_failure_reason', '%UPSTREAM_TRANSPORT_FAILURE_REASON%', 'quoted'],
  ['bytes_received', '%BYTES_RECEIVED%', 'bare'],
  ['bytes_sent', '%BYTES_SENT%', 'bare'],
  ['duration', '%DURATION%', 'bare'],
  ['upstream_service_time', '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%', 'bare'],
  ['x_forwarded_for', '%REQ(X-FORWARDED-FOR)%', 'quoted'],
  ['user_agent', '%REQ(USER-AGENT)%', 'quoted'],
  ['request_id', '%REQ(X-REQUEST-ID)%', 'quoted'],
  ['authority', '%REQ(:AUTHORITY)%', 'quoted'],
  ['upstream_host', '%UPSTREAM_HOST%', 'quoted'],
  ['upstream_cluster', '%UPSTREAM_CLUSTER_RAW%', 'bare'],
  ['upstream_local_address', '%UPSTREAM_LOCAL_ADDRESS%', 'bare'],
  ['downstream_local_address', '%DOWNSTREAM_LOCAL_ADDRESS%', 'bare'],
  ['downstream_remote_address', '%DOWNSTREAM_REMOTE_ADDRESS%', 'bare'],
  ['requested_server_name', '%REQUESTED_SERVER_NAME%', 'bare'],
  ['route_name', '%ROUTE_NAME%', 'bare'],
];

const requestLine = '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"';
const textFormat = `${requestLine} ${operators.map(([, text, form]) => (form === 'quoted' ? `"${text}"` : text)).join(' ')}\n`;

const jsonFormat: JsonObject = {
  start_time: '%START_TIME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  ...Object.fromEntries(operators.map(([key, text]) => [key, text])),
  downstream_peer: '%DOWNSTREAM_PEER_URI_SAN%',
  downstream_local: '%DOWNSTREAM_LOCAL_URI_SAN%',
  upstream_peer: '%UPSTREAM_PEER_URI_SAN%',
  upstream_local: '%UPSTREAM_LOCAL_URI_SAN%',
  route_causes: '%METADATA(ROUTE:xebec:causes)%',
  cluster_causes: '%METADATA(CLUSTER:xebec:causes)%',
};

const textLogOf = (format: string): AccessLog =>
  stdoutLog({
    case: 'textFormatSource',
    value: { specifier: { case: 'inlineString', value: format } },
  });
const textLog = textLogOf(textFormat);
const jsonLog = stdoutLog({ case: 'jsonFormat', value: jsonFormat });

type Format =
  | { case: 'textFormatSource'; value: { specifier: { case: 'inlineString'; value: string } } }
  | { case: 'jsonFormat'; value: JsonObject };

function stdoutLog(format: Format): AccessLog {
  return create(AccessLogSchema, {
    name: 'envoy.access_loggers.stdout',
    configType: {
      case: 'typedConfig',
      value: anyOf(StdoutAccessLogSchema, { accessLogFormat: { case: 'logFormat', value: { format } } }),
    },
  });
}

/** One line for each session of datagrams: the same columns, with the identities of both ends after them. */
export function encodeSessionLog(
  encoding: ProxySettings['accessLog']['format'],
  session: SessionLog,
): readonly AccessLog[] {
  const known: Readonly<Record<string, string>> = {
    '%UPSTREAM_CLUSTER_RAW%': session.cluster,
    '%PROTOCOL%': 'UDP',
    '%DOWNSTREAM_PEER_URI_SAN%': session.sourcePrincipal,
    '%DOWNSTREAM_LOCAL_URI_SAN%': session.destinationPrincipal,
  };
  const filled = (text: string): string =>
    Object.entries(known).reduce((done, [operator, value]) => done.replace(operator, value), text);
  if (encoding === 'none') return [];
  const ids = `"${session.sourcePrincipal}" "${session.destinationPrincipal}"`;
  const log =
    encoding === 'text'
      ? textLogOf(`${filled(textFormat).trimEnd()} ${ids}\n`)
      : stdoutLog({
          case: 'jsonFormat',
          value: Object.fromEntries(
            Object.entries(jsonFormat).map(([key, text]) => [
              key,
              typeof text === 'string' ? filled(text) : text,
            ]),
          ),
        });
  return [
    create(AccessLogSchema, {
      name: log.name,
      configType: log.configType,
      filter: { filterSpecifier: { case: 'logTypeFilter', value: { types: [...session.types] } } },
    }),
  ];
}

/** What a listener knows of its sessions where Envoy's log has no word for it. */
export interface SessionLog {
  readonly types: readonly AccessLogType[];
  readonly cluster: string;
  readonly sourcePrincipal: string;
  readonly destinationPrincipal: string;
}
/** Checked when it was read: an object of texts. */
const jsonLogOf = (template: string): AccessLog =>
  stdoutLog({ case: 'jsonFormat', value: JSON.parse(template) as JsonObject });

/** The access log of a listener; a proxy writes it to its standard output, one line a request. */
export function encodeAccessLog({ format, template }: ProxySettings['accessLog']): readonly AccessLog[] {
  switch (format) {
    case 'text':
      return [
        template === undefined ? textLog : textLogOf(template.endsWith('\n') ? template : `${template}\n`),
      ];
    case 'json':
      return [template === undefined ? jsonLog : jsonLogOf(template)];
    case 'none':
      return [];
  }
}

const endDetails = '%CONNECTION_TERMINATION_DETAILS%';

/** The same line, where a connection may also end for the reason that `operator` tells. */
export function encodeConnectionLog(
  { format, template }: ProxySettings['accessLog'],
  operator: string,
): readonly AccessLog[] {
  const written = template ?? (format === 'json' ? JSON.stringify(jsonFormat) : textFormat);
  const text = format === 'json' ? JSON.stringify(operator).slice(1, -1) : operator;
  return encodeAccessLog({ format, template: written.replaceAll(endDetails, text) });
}

/** The same line, but only for connections that no filter chain took. */
export const onlyUnrouted = (log: AccessLog): AccessLog =>
  create(AccessLogSchema, {
    name: log.name,
    configType: log.configType,
    filter: { filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['NR'] } } },
  });
