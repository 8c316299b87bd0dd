// What must hold between the servers of one Gateway.
import { refuse, type Walk } from '../../decode/walk.ts';
import type { GatewayServerSpec } from './spec.ts';

type Kind = 'plaintext HTTP' | 'plaintext TCP' | 'TLS' | 'UDP';

export function kindOfServer({ port: { protocol } }: Pick<GatewayServerSpec, 'port'>): Kind {
  if (protocol === 'HTTPS' || protocol === 'TLS') return 'TLS';
  if (protocol === 'UDP') return 'UDP';
  return protocol === 'TCP' || protocol === 'MONGO' ? 'plaintext TCP' : 'plaintext HTTP';
}

/** Datagrams have port numbers of their own. */
export const transportOf = ({ port }: Pick<GatewayServerSpec, 'port'>): '' | '/udp' =>
  port.protocol === 'UDP' ? '/udp' : '';

/** Port names and names of servers are unique; servers that share a port agree on what is spoken there. */
export function checkServers(
  servers: readonly GatewayServerSpec[],
  walk: Walk,
): readonly GatewayServerSpec[] | undefined {
  const portNames = new Set<string>();
  const names = new Set<string>();
  const kinds = new Map<string, Kind>();
  let isGood = true;
  const complain = (index: number, complaint: Parameters<typeof refuse>[1], ...under: string[]): void => {
    isGood = false;
    refuse(walk, complaint, index, ...under);
  };
  for (const [index, server] of servers.entries()) {
    const { port, name, bind = '' } = server;
    if (portNames.has(port.name)) {
      const message = `two servers have the port name "${port.name}"`;
      complain(index, { code: 'duplicate', message, remedy: 'rename one' }, 'port', 'name');
    }
    portNames.add(port.name);
    if (name !== undefined && names.has(name)) {
      const message = `two servers have the name ${JSON.stringify(name)}`;
      complain(index, { code: 'duplicate', message, remedy: 'rename one' }, 'name');
    }
    if (name !== undefined) names.add(name);
    const kind = kindOfServer(server);
    const place = `${bind}:${port.number}${transportOf(server)}`;
    const other = kinds.get(place) ?? kind;
    if (other !== kind) {
      const message = `port ${port.number} cannot be both ${other} and ${kind}`;
      complain(
        index,
        { code: 'conflicting-fields', message, remedy: 'use two port numbers' },
        'port',
        'protocol',
      );
    }
    kinds.set(place, kind);
  }
  return isGood ? servers : undefined;
}
