// A real gRPC service that answers every call with the name it was given.
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

const asText = {
  requestSerialize: (text: string) => Buffer.from(text),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (text: string) => Buffer.from(text),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
};

export const greeterService = {
  hello: { path: '/greeter.Greeter/Hello', requestStream: false, responseStream: false, ...asText },
} satisfies ServiceDefinition;

export interface Greeter {
  readonly port: number;
  close(): void;
}

/** Port 0 chooses one. A request `wait` is never answered. */
export function startGreeter(name: string, address: string, port = 0): Promise<Greeter> {
  const server = new Server();
  const implementation: UntypedServiceImplementation = {
    hello: (call: { request: string }, answer: (error: null, text: string) => void) => {
      if (call.request !== 'wait') answer(null, name);
    },
  };
  server.addService(greeterService, implementation);
  return new Promise((resolve, reject) => {
    server.bindAsync(`${address}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error !== null) reject(error);
      else resolve({ port: bound, close: () => server.forceShutdown() });
    });
  });
}
