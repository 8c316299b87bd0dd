// Any other xDS server, started by a command line in which `{config}`, `{port}` and `{http}` are filled in.
import { join } from 'node:path';
import { freePort, type ServerCommand } from './server-process.ts';

export interface PeerOptions {
  readonly command: string;
  readonly config: string;
  readonly workDirectory: string;
}

export async function peerCommand({ command, config, workDirectory }: PeerOptions): Promise<ServerCommand> {
  const port = await freePort();
  const http = await freePort();
  const filled = command
    .replaceAll('{config}', config)
    .replaceAll('{port}', String(port))
    .replaceAll('{http}', String(http));
  return {
    name: 'peer',
    file: '/bin/sh',
    args: ['-c', filled],
    env: { BENCH_CONFIG: config, BENCH_XDS_PORT: String(port) },
    logFile: join(workDirectory, 'peer.log'),
    address: `127.0.0.1:${port}`,
  };
}
