// Fetched keys on disk.
import { loginEndpointsOf, readKeySet } from '@xebec/config';
import type { KeySource } from '@xebec/model';
import { type KeptMap, openKeptMap } from '../outbound/kept-map.ts';

export interface KnownKeys {
  readonly keySet: string;
  readonly count: number;
  readonly fetchedAtMs: number;
}

export type KeyStore = KeptMap<KeySource, KnownKeys>;

/** Without a file they live as long as the process. */
export const openKeyStore = (file: string | undefined, onFault: (error: unknown) => void): KeyStore =>
  openKeptMap({ file, onFault, read: knownIn });

function knownIn(source: string, written: object): KnownKeys | undefined {
  if (!('keySet' in written) || !('fetchedAtMs' in written)) return undefined;
  const { keySet, fetchedAtMs } = written;
  if (typeof keySet !== 'string' || typeof fetchedAtMs !== 'number') return undefined;
  if (source.startsWith('login '))
    return loginEndpointsOf(keySet) === undefined ? undefined : { keySet, count: 0, fetchedAtMs };
  const read = readKeySet(keySet);
  return read.kind === 'keys' ? { keySet, count: read.keys.length, fetchedAtMs } : undefined;
}
