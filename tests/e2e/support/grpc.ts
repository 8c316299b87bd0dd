// gRPC calls through a sidecar, with raw bytes.
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';

const same = (value: Buffer): Buffer => value;

export interface RpcClient extends Disposable {
  unary(
    method: string,
    body: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly code: number; readonly body: string }>;
  /** Sends each message and waits for its echo before the next. */
  chat(messages: readonly string[]): Promise<readonly string[]>;
}

/** Dials a sidecar's address and names the service in the authority. */
export function rpcClient(address: string, authority: string): RpcClient {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.default_authority': authority });
  const deadline = (): Date => new Date(Date.now() + 15_000);
  return {
    unary: (method, body, headers = {}) =>
      new Promise((resolve) => {
        const metadata = new Metadata();
        for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
        client.makeUnaryRequest(
          `/echo.Echo/${method}`,
          same,
          same,
          Buffer.from(body),
          metadata,
          { deadline: deadline() },
          (error: ServiceError | null, value?: Buffer) =>
            resolve({ code: error?.code ?? 0, body: value?.toString() ?? error?.details ?? '' }),
        );
      }),
    chat: (messages) =>
      new Promise((resolve, reject) => {
        const call = client.makeBidiStreamRequest('/echo.Echo/Chat', same, same, new Metadata(), {
          deadline: deadline(),
        });
        const echoes: string[] = [];
        const next = (): void => {
          const message = messages[echoes.length];
          if (message === undefined) call.end();
          else call.write(Buffer.from(message));
        };
        call.on('data', (value: Buffer) => {
          echoes.push(value.toString());
          next();
        });
        call.on('error', reject).on('end', () => resolve(echoes));
        next();
      }),
    [Symbol.dispose]: () => client.close(),
  };
}
