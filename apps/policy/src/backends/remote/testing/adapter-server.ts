// An adapter outside, as a real gRPC server on loopback: answers as it is told, keeps what it was asked, can be slow and can die.
import {
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { addMethods, asBuffer, pathOf, type RawMethod, rawDefinition } from '../../../doors/rpc/unary.ts';

/** A method that the server has; `answer` may never resolve. */
export interface Served {
  readonly method: RawMethod;
}

export function serve<Input extends DescMessage, Output extends DescMessage>(
  method: DescMethodUnary<Input, Output>,
  answer: (
    request: MessageShape<Input>,
    metadata: grpc.Metadata,
  ) => MessageShape<Output> | Promise<MessageShape<Output>>,
): Served {
  const handler = (call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>): void => {
    Promise.resolve()
      .then(() => answer(fromBinary(method.input, call.request), call.metadata))
      .then(
        (message) => reply(null, asBuffer(toBinary(method.output, message))),
        (error: unknown) => reply({ code: grpc.status.INTERNAL, details: String(error) }),
      );
  };
  const definition = rawDefinition(pathOf(method), { request: false, response: false });
  return { method: { name: method.name, definition, handler } };
}

export interface AdapterServer {
  /** `HOST:PORT`. */
  readonly address: string;
  /** At once, with all connections, as a process that is killed. */
  kill(): void;
}

export async function startAdapterServer(
  served: readonly Served[],
  {
    port = 0,
    credentials = grpc.ServerCredentials.createInsecure(),
  }: { readonly port?: number; readonly credentials?: grpc.ServerCredentials } = {},
): Promise<AdapterServer> {
  const server = new grpc.Server();
  addMethods(
    server,
    served.map(({ method }) => method),
  );
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, at) =>
      error === null ? resolve(at) : reject(error),
    );
  });
  return { address: `127.0.0.1:${bound}`, kill: () => server.forceShutdown() };
}
