// What processes listen on, as the kernel tells it.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ListeningPort {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
}

/** TCP over IPv4 ports of these processes, in the network of this one. */
export function listeningPorts(pids: readonly number[]): readonly ListeningPort[] {
  const byInode = new Map<string, { host: string; port: number }>();
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    if (state !== '0A') continue;
    const [address = '', port = ''] = local.split(':');
    const bytes = address.match(/../g)?.reverse() ?? [];
    byInode.set(inode, {
      host: bytes.map((byte) => Number.parseInt(byte, 16)).join('.'),
      port: Number.parseInt(port, 16),
    });
  }
  return pids.flatMap((pid) =>
    inodesOf(pid).flatMap((inode) => {
      const place = byInode.get(inode);
      return place === undefined ? [] : [{ pid, ...place }];
    }),
  );
}

function inodesOf(pid: number): readonly string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${directory}/${fd}`))?.slice(1) ?? [];
    } catch {
      return [];
    }
  });
}
