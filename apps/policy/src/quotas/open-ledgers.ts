// All ledgers of the process: the one in memory with its log, and those in Redis that handlers have opened.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { OpenLedger, OpenRedisLedger, PoolPorts, QuotaLedger } from '@xebec/policy';
import type { Diagnostic } from '@xebec/std';
import { openRedisLedger } from '../backends/redisquota/open-redis-ledger.ts';
import { fileReader, type SecretReader } from '../configuration/held-secrets.ts';
import { openKeptLedger } from './kept-ledger.ts';

export interface Ledgers {
  /** For the adapters. */
  readonly ports: PoolPorts;
  /** Those in use: Redis servers once each. */
  all(): readonly QuotaLedger[];
  /** Counters and remembered ids in memory. */
  counts(): { readonly counters: number; readonly ids: number; readonly idsForgottenEarly: number };
  close(): void;
}

/** Enough to tell keys apart; nobody gets one from it: `printf %s KEY | sha256sum | cut -c1-16`. */
const fingerprint = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 16);

interface Shared {
  readonly opened: OpenLedger;
  users: number;
}

export function openLedgers(
  stateDirectory: string,
  onProblem: (problem: Diagnostic) => void,
  secrets: Pick<SecretReader, 'readSync'> = fileReader,
): Ledgers {
  const kept = openKeptLedger({ path: join(stateDirectory, 'quotas', 'counters'), onProblem });
  const byUrl = new Map<string, Shared>();
  const openRedis: OpenRedisLedger = (address, problem) => {
    const { url, connections, passwordPath } = address;
    const password =
      passwordPath === undefined ? undefined : secrets.readSync(passwordPath).toString('utf8').trim();
    const place = password === undefined ? url : `${url} ${fingerprint(password)}`;
    const login = password === undefined ? {} : { password };
    const known = byUrl.get(place);
    const shared = known ?? {
      opened: openRedisLedger({ url, connections, ...login, onProblem: problem }),
      users: 0,
    };
    byUrl.set(place, shared);
    shared.users += 1;
    return {
      ledger: shared.opened.ledger,
      async close() {
        shared.users -= 1;
        if (shared.users > 0) return;
        byUrl.delete(place);
        await shared.opened.close();
      },
    };
  };
  return {
    ports: { memory: kept.ledger, openRedis, fingerprint },
    all: () => [kept.ledger, ...[...byUrl.values()].map(({ opened }) => opened.ledger)],
    counts: () => kept.ledger.counts(),
    close: () => kept.close(),
  };
}
