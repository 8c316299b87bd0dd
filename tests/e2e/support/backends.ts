// Small HTTP servers that say who they are, count, and fail or wait when told to; fast enough for ten thousand requests.
import { createServer, type Server, type Socket } from 'node:net';

export interface Backend {
  readonly name: string;
  readonly port: number;
  /** Requests so far, heads as they came. */
  readonly requests: string[];
  /** From now on; 200 by default. */
  status: number;
  /** Before each answer, milliseconds; `hold` answers nothing. */
  delay: number | 'hold';
  close(): void;
}

/** Speaks HTTP/1.1 without bodies; the answer says `x-backend: NAME`. */
export async function startBackend(name: string, address = '127.0.0.1'): Promise<Backend> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.setNoDelay(true).on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
    serve(socket);
  });
  const port = await listen(server, address);
  const backend: Backend = {
    name,
    port,
    requests: [],
    status: 200,
    delay: 0,
    close() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
  function serve(socket: Socket): void {
    let text = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part;
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        backend.requests.push(text.slice(0, end));
        text = text.slice(end + 4);
        answer(socket);
      }
    });
  }
  function answer(socket: Socket): void {
    const head = `HTTP/1.1 ${backend.status} x\r\nx-backend: ${name}\r\ncontent-length: 0\r\n\r\n`;
    if (backend.delay === 'hold') return;
    if (backend.delay === 0) socket.write(head);
    else setTimeout(() => socket.write(head), backend.delay);
  }
  return backend;
}

const listen = (server: Server, address: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, address, () => {
      const bound = server.address();
      resolve(typeof bound === 'object' ? (bound?.port ?? 0) : 0);
    });
  });
