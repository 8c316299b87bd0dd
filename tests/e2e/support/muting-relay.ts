// A TCP relay that can keep answers back and cut connections: what was asked arrives, and nobody who asked hears of it.
import { connect, createServer, type Socket } from 'node:net';

export interface MutingRelay {
  /** `HOST:PORT`. */
  readonly address: string;
  /** From now on nothing comes back. */
  isMute: boolean;
  /** Ends all connections. */
  cut(): void;
  close(): Promise<void>;
}

export async function startMutingRelay(target: string): Promise<MutingRelay> {
  const [host = '', port = ''] = target.split(':');
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.setNoDelay(true).on('error', () => undefined);
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => {
      if (!relay.isMute) near.write(bytes);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve());
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('a TCP server has a port');
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  const relay: MutingRelay = {
    address: `127.0.0.1:${bound.port}`,
    isMute: false,
    cut,
    close: () =>
      new Promise((resolve) => {
        cut();
        server.close(() => resolve());
      }),
  };
  return relay;
}
