// Pushes audit records to a server of Envoy's access log service. Each entry carries its line of the chain in a tag.
import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import * as grpc from '@grpc/grpc-js';
import type { AuditRecord, CallRecord } from '@xebec/journal-file';
import {
  HTTPAccessLogEntrySchema,
  TCPAccessLogEntrySchema,
} from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import {
  StreamAccessLogsMessage_HTTPAccessLogEntriesSchema as httpEntries,
  type StreamAccessLogsMessage,
  StreamAccessLogsMessageSchema,
  StreamAccessLogsMessage_TCPAccessLogEntriesSchema as tcpEntries,
} from '@xebec/protos/envoy/service/accesslog/v3/als_pb';
import { accessLogPath } from './access-log-service.ts';
import type { OpenedSink } from './open-sink.ts';

export interface GrpcSinkOptions {
  readonly address: string;
  readonly credentials: grpc.ChannelCredentials;
  readonly writer: string;
  readonly onTrouble: (message: string) => void;
}

/** Records that wait for a server that is away; later ones are missing there, which the numbers of the chain show. */
const mostWaiting = 10_000;
const retryMs = 1_000;
const same = (bytes: Buffer): Buffer => bytes;

export function createGrpcSink(options: GrpcSinkOptions): OpenedSink {
  return new GrpcSink(options);
}

class GrpcSink implements OpenedSink {
  readonly #options: GrpcSinkOptions;
  readonly #client: grpc.Client;
  #stream: grpc.ClientWritableStream<Buffer> | undefined;
  #isFirst = true;
  #isReady = false;
  #isTold = false;
  #dropped = 0;
  #waiting: StreamAccessLogsMessage['logEntries'][] = [];
  #retry: NodeJS.Timeout | undefined;

  constructor(options: GrpcSinkOptions) {
    this.#options = options;
    this.#client = new grpc.Client(options.address, options.credentials);
  }

  write(lines: readonly string[], records: readonly AuditRecord[]): void {
    records.forEach((record, index) => {
      if (this.#waiting.length >= mostWaiting) this.#dropped += 1;
      else this.#waiting.push(entryOf(record, (lines[index] ?? '').trimEnd()));
    });
    this.#send();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#retry);
    this.#stream?.end();
    this.#client.close();
  }

  /** Only as much as the connection takes: what it does not take waits here, where it is counted. */
  #send(): void {
    const stream = this.#stream ?? this.#open();
    while (stream !== undefined && this.#isReady) {
      const logEntries = this.#waiting.shift();
      if (logEntries === undefined) return;
      const identifier = { node: { id: this.#options.writer }, logName: 'xebec.audit' };
      const message = create(StreamAccessLogsMessageSchema, {
        ...(this.#isFirst ? { identifier } : {}),
        logEntries,
      });
      this.#isFirst = false;
      this.#isReady = stream.write(Buffer.from(toBinary(StreamAccessLogsMessageSchema, message)));
    }
  }

  #open(): grpc.ClientWritableStream<Buffer> | undefined {
    if (this.#retry !== undefined) return undefined;
    const stream = this.#client.makeClientStreamRequest(accessLogPath, same, same, (error) =>
      this.#ended(error?.details ?? 'the server ended the stream'),
    );
    // The first entry may go once the server has been reached: until then it would be lost with the attempt.
    this.#client.waitForReady(Date.now() + 10_000, (error) => {
      if (error != null || this.#stream !== stream) return stream.cancel();
      this.#isReady = true;
      if (this.#isTold) this.#options.onTrouble(this.#backAgain());
      this.#isTold = false;
      this.#send();
    });
    stream.on('drain', () => {
      this.#isReady = true;
      this.#send();
    });
    stream.on('error', () => undefined);
    this.#isFirst = true;
    this.#stream = stream;
    return stream;
  }

  #backAgain(): string {
    const missing = this.#dropped === 0 ? '' : `; ${this.#dropped} are missing there`;
    this.#dropped = 0;
    return `${this.#options.address} takes audit records again${missing}`;
  }

  #ended(reason: string): void {
    this.#stream = undefined;
    this.#isReady = false;
    if (!this.#isTold)
      this.#options.onTrouble(
        `${this.#options.address} takes no audit records: ${reason}; they wait, and are in their file`,
      );
    this.#isTold = true;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#send();
    }, retryMs);
    this.#retry.unref();
  }
}

/** A request as one of HTTP, all else as a connection; the whole record is the tag `record`. */
function entryOf(record: AuditRecord, line: string): StreamAccessLogsMessage['logEntries'] {
  const commonProperties = {
    startTime: timestampFromMs(Date.parse(record.time)),
    customTags: { record: line },
  };
  if (isRequest(record)) {
    const { host = '', path = '', method = '' } = record.operation;
    const request = {
      authority: host,
      path,
      requestId: record.requestId ?? '',
      requestHeaders: { ':method': method },
    };
    const response = record.status === undefined ? {} : { responseCode: record.status };
    const entry = create(HTTPAccessLogEntrySchema, { commonProperties, request, response });
    return { case: 'httpLogs', value: create(httpEntries, { logEntry: [entry] }) };
  }
  const entry = create(TCPAccessLogEntrySchema, { commonProperties });
  return { case: 'tcpLogs', value: create(tcpEntries, { logEntry: [entry] }) };
}

const isRequest = (record: AuditRecord): record is CallRecord =>
  record.kind === 'call' &&
  'operation' in record &&
  (record.operation.protocol === 'http' || record.operation.protocol === 'grpc');
