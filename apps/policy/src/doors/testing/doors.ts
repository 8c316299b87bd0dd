// All doors over real gRPC on a free port of the loopback address, with callers that tests make up.

import { type DescMessage, type DescMethodUnary, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import type { Identity } from '@xebec/ca';
import { encode } from '@xebec/protos';
import fastify from 'fastify';
import { Registry } from 'prom-client';
import { doorServerOptions } from '../limits.ts';
import type { DoorOptions } from '../options.ts';
import { registerDoors } from '../register.ts';
import { asBuffer, pathOf } from '../rpc/unary.ts';
import { noWorkloads } from '../workload-directory.ts';
import { FakeEngine } from './fake-engine.ts';
import { testVocabulary } from './vocabulary.ts';

export const shop: Identity = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'cart' };

/** Tests have no certificates: a token `NAMESPACE.ACCOUNT` proves itself, at doors of proxies too where `asProxies`. */
const tokens: DoorOptions['authenticators'][number] = {
  name: 'test',
  async authenticate({ bearerToken }) {
    const [namespace, serviceAccount] = bearerToken?.split('.') ?? [];
    if (namespace === undefined || serviceAccount === undefined) return undefined;
    return { trustDomain: 'cluster.local', namespace, serviceAccount };
  },
};

export async function openTestDoors(changes: Partial<DoorOptions> = {}) {
  const engine = new FakeEngine();
  const metrics = new Registry();
  const server = new grpc.Server(doorServerOptions);
  const http = fastify();
  const doors = registerDoors({ local: server }, http, {
    ...{ engine: () => engine, vocabulary: () => testVocabulary, metrics, workloads: noWorkloads },
    ...{ authenticators: [tokens], plaintextCallers: 'refused' as const },
    ...changes,
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  return {
    ...{ engine, metrics, client, http, port, doors },
    counted: async (name: string) => (await metrics.getSingleMetric(name)?.get())?.values ?? [],
    async close() {
      client.close();
      await doors.close();
      await http.close();
      server.forceShutdown();
    },
  };
}

export type TestDoors = Awaited<ReturnType<typeof openTestDoors>>;

export const headersOf = (headers: Readonly<Record<string, string>>): grpc.Metadata => {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
};

export const asShop = headersOf({ authorization: 'Bearer shop.cart' });

/** Rejects with the service's error. */
export function call<Input extends DescMessage, Output extends DescMessage>(
  { client }: Pick<TestDoors, 'client'>,
  method: DescMethodUnary<Input, Output>,
  {
    request,
    headers = asShop,
  }: { readonly request: MessageShape<Input> | Uint8Array; readonly headers?: grpc.Metadata },
): Promise<MessageShape<Output>> {
  const bytes = request instanceof Uint8Array ? request : encode(method.input, request);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      pathOf(method),
      (buffer: Buffer) => buffer,
      (buffer: Buffer) => buffer,
      asBuffer(bytes),
      headers,
      { deadline: Date.now() + 10_000 },
      (error, answer) => {
        if (error !== null || answer === undefined) reject(error ?? new Error('no answer'));
        else resolve(fromBinary(method.output, answer));
      },
    );
  });
}
