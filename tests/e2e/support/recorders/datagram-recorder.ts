// Remembers the lines of datagrams that it is sent, as a StatsD server reads them.
import { createSocket } from 'node:dgram';

export interface DatagramRecorder {
  /** `HOST:PORT`. */
  readonly address: string;
  readonly lines: string[];
  close(): Promise<void>;
}

export async function startDatagramRecorder(port = 0): Promise<DatagramRecorder> {
  const socket = createSocket('udp4');
  const lines: string[] = [];
  socket.on('message', (datagram) => lines.push(...datagram.toString('utf8').split('\n')));
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject).bind(port, '127.0.0.1', () => resolve());
  });
  return {
    address: `127.0.0.1:${socket.address().port}`,
    lines,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}
