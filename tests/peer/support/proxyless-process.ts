// A proxyless gRPC client in a process of its own, since what it knows of its control plane is global. Told what to call by messages.
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { register } from '@grpc/grpc-js-xds';
import type { Answers, Calls } from './proxyless-client.ts';

register();
const clients = new Map<string, Client>();

function call(client: Client, { request, headers, deadlineMs }: Calls): Promise<string> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      '/greeter.Greeter/Hello',
      (text: string) => Buffer.from(text),
      (bytes: Buffer) => bytes.toString(),
      request,
      metadata,
      { deadline: Date.now() + deadlineMs },
      (error: ServiceError | null, answer?: string) => resolve(answer ?? `${error?.code} ${error?.details}`),
    );
  });
}

async function answer(calls: Calls): Promise<void> {
  const client = clients.get(calls.target) ?? new Client(calls.target, credentials.createInsecure());
  clients.set(calls.target, client);
  const counts: Record<string, number> = {};
  for (let i = 0; i < calls.count; i++) {
    const text = await call(client, calls);
    counts[text] = (counts[text] ?? 0) + 1;
  }
  const answers: Answers = { id: calls.id, counts };
  process.send?.(answers);
}

process.on('message', (calls: Calls) => void answer(calls));
