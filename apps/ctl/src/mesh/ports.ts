// Ports of this machine: whether one is free, and which one is when it is not.
import { createServer } from 'node:net';

export type PortState = 'free' | 'taken' | 'not-permitted';

/** Tries to listen. */
export function tryPort(host: string, port: number): Promise<PortState> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'EACCES' ? 'not-permitted' : 'taken'),
    );
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve('free')));
  });
}

/** A port that is free right now. */
export function findFreePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port: 0, exclusive: true }, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** The wanted port when it is free, any free one otherwise. */
export async function portOrAnother(host: string, wanted: number): Promise<number> {
  return (await tryPort(host, wanted)) === 'free' ? wanted : await findFreePort(host);
}
