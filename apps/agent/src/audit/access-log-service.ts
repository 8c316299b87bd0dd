// The access log service of a proxy's own socket: whatever it says becomes audit records of its workload.
import { fromBinary } from '@bufbuild/protobuf';
import type * as grpc from '@grpc/grpc-js';
import type { CallRecord } from '@xebec/journal-file';
import {
  type StreamAccessLogsMessage,
  StreamAccessLogsMessageSchema,
} from '@xebec/protos/envoy/service/accesslog/v3/als_pb';
import {
  type AuditedWorkload,
  type ConnectionBook,
  createConnectionBook,
  recordOfRefusedConnection,
  recordOfRequest,
  recordOfSession,
  recordOfTunnel,
} from './call-records.ts';

export const accessLogPath = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';

export type AccessLogStream = grpc.ServerReadableStream<Buffer, Buffer>;

export interface AuditSink {
  readonly whose: AuditedWorkload;
  readonly append: (records: readonly CallRecord[]) => void;
}

/** Handles the streams of one proxy: each of its threads has one for each log. */
export function createAccessLogHandler({ whose, append }: AuditSink): (stream: AccessLogStream) => void {
  const connections = createConnectionBook();
  return (stream) => {
    let logName = '';
    stream.on('data', (bytes: Buffer) => {
      const message = fromBinary(StreamAccessLogsMessageSchema, bytes);
      logName = message.identifier?.logName ?? logName;
      append(recordsOf(message, { logName, whose, connections }));
    });
    stream.on('error', () => undefined);
  };
}

interface LogContext {
  readonly logName: string;
  readonly whose: AuditedWorkload;
  readonly connections: ConnectionBook;
}

export function recordsOf(
  { logEntries }: StreamAccessLogsMessage,
  { logName, whose, connections }: LogContext,
): readonly CallRecord[] {
  const found = (records: readonly (CallRecord | undefined)[]) =>
    records.filter((record) => record !== undefined);
  const [http, tcp] = [
    logEntries.case === 'httpLogs' ? logEntries.value.logEntry : [],
    logEntries.case === 'tcpLogs' ? logEntries.value.logEntry : [],
  ];
  switch (logName) {
    case 'xebec.audit.request':
      return found(http.map((entry) => recordOfRequest(entry, whose)));
    case 'xebec.audit.tunnel':
      return found(http.map((entry) => recordOfTunnel(entry, whose)));
    case 'xebec.audit.connection':
      return found(tcp.map((entry) => connections.recordOf(entry, whose)));
    case 'xebec.audit.listener':
      return found(tcp.map((entry) => recordOfRefusedConnection(entry, whose)));
    case 'xebec.audit.session':
      return tcp.map((entry) => recordOfSession(entry, whose));
    default:
      return [];
  }
}
