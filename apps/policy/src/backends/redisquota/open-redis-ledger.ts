// Connections to Redis: opened at once, tried again for ever; while there is none, calls fail at once instead of waiting.
import type { OpenLedger, RedisAddress } from '@xebec/policy';
import { Redis } from 'ioredis';
import { createRedisLedger, type RedisCommands } from './redis-ledger.ts';
import { allocateScript, inspectScript } from './scripts.ts';

export interface RedisLedgerOptions extends Omit<RedisAddress, 'passwordPath'> {
  /** In place of one in the URL. */
  readonly password?: string;
  /** A call that takes longer has failed; it may still be counted, so retries need an id. Default 1,000 ms. */
  readonly timeoutMs?: number;
  readonly now?: () => number;
  /** The server cannot be reached, or can again (undefined). */
  readonly onProblem: (text: string | undefined) => void;
}

export function openRedisLedger(options: RedisLedgerOptions): OpenLedger {
  const { connections, timeoutMs = 1_000, now = Date.now } = options;
  const clients = Array.from({ length: connections }, () => connect(options, timeoutMs));
  let turn = 0;
  const next = (): Redis => {
    turn = (turn + 1) % clients.length;
    const client = clients[turn];
    if (client === undefined) throw new Error('a pool has at least one connection');
    return client;
  };
  return {
    ledger: createRedisLedger(commandsOf(next), now),
    async close() {
      for (const client of clients) client.disconnect();
    },
  };
}

function connect({ url, password, onProblem }: RedisLedgerOptions, timeoutMs: number): Redis {
  const client = new Redis(url, {
    ...(password === undefined ? {} : { password }),
    commandTimeout: timeoutMs,
    connectTimeout: timeoutMs,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times) => Math.min(1_000, 50 * times),
  });
  // While it connects for the first time calls wait; after that they fail at once.
  client.once('ready', () => {
    client.options.enableOfflineQueue = false;
  });
  client.on('ready', () => onProblem(undefined));
  client.on('error', (error: Error) => onProblem(`Redis cannot be reached: ${error.message}`));
  client.on('close', () => onProblem('the connection to Redis is closed'));
  client.defineCommand('xebecAllocate', { lua: allocateScript });
  client.defineCommand('xebecInspect', { lua: inspectScript, readOnly: true });
  return client;
}

interface Scripted {
  xebecAllocate(keyCount: number, ...keysAndRequest: string[]): Promise<string[]>;
  xebecInspect(keyCount: number, ...keys: string[]): Promise<string[][]>;
}

/** `defineCommand` adds methods that the class does not declare. */
const scripted = (client: Redis): Scripted => client as unknown as Scripted;

function commandsOf(next: () => Redis): RedisCommands {
  return {
    allocate: (keys, request) => scripted(next()).xebecAllocate(keys.length, ...keys, request),
    inspect: (keys) => scripted(next()).xebecInspect(keys.length, ...keys),
    async *scan(prefix) {
      const client = next();
      const pattern = `${prefix.replace(/[\\*?[\]]/g, '\\$&')}*`;
      let cursor = '0';
      do {
        const [following, keys] = await client.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
        cursor = following;
        if (keys.length > 0) yield keys;
      } while (cursor !== '0');
    },
    remove: (keys) => next().unlink(...keys),
  };
}
