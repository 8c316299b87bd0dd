// Unary calls of the policy service.
import { type DescMessage, type DescMethodUnary, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { encode } from '@xebec/protos';

export interface ConnectionOptions {
  /** `HOST:PORT`. */
  readonly address: string;
  readonly credentials: grpc.ChannelCredentials;
  /** The name in the service's certificate, where the address is another. */
  readonly serverName?: string;
  /** Sent as `authorization: Bearer`; asked for at each call. */
  readonly token?: () => string | undefined;
  readonly timeoutMs: number;
}

export type CallResult<Answer> =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly code: grpc.status; readonly details: string };

export interface Connection {
  call<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageShape<Input>,
  ): Promise<CallResult<MessageShape<Output>>>;
  close(): void;
}

const same = (bytes: Buffer): Buffer => bytes;

export function openConnection({
  address,
  credentials,
  serverName,
  token,
  timeoutMs,
}: ConnectionOptions): Connection {
  const names =
    serverName === undefined
      ? {}
      : { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName };
  const client = new grpc.Client(address, credentials, { ...names, 'grpc.max_reconnect_backoff_ms': 2_000 });
  return {
    call: (method, request) =>
      new Promise((resolve) => {
        const metadata = new grpc.Metadata();
        const bearer = token?.();
        if (bearer !== undefined) metadata.set('authorization', `Bearer ${bearer}`);
        const { buffer, byteOffset, byteLength } = encode(method.input, request);
        client.makeUnaryRequest(
          `/${method.parent.typeName}/${method.name}`,
          same,
          same,
          Buffer.from(buffer, byteOffset, byteLength),
          metadata,
          { deadline: Date.now() + timeoutMs },
          (error, bytes) => {
            if (error !== null) resolve({ ok: false, code: error.code, details: error.details });
            else resolve({ ok: true, answer: fromBinary(method.output, bytes ?? new Uint8Array()) });
          },
        );
      }),
    close: () => client.close(),
  };
}
