// A backend of reports that takes connections and answers nothing.
import { createServer, type Socket } from 'node:net';

export interface SilentBackend {
  /** `HOST:PORT`. */
  readonly address: string;
  close(): void;
}

export function startSilentBackend(): Promise<SilentBackend> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.pause();
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      resolve({
        address: `127.0.0.1:${port}`,
        close() {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}
