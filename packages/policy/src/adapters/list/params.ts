// The parameters of list: where the entries come from, what they are, and what it means to be among them.
import {
  andThen,
  boolean,
  type Decoder,
  durationOrZero,
  integer,
  list,
  object,
  oneOf,
  positiveDuration,
  quote,
  refuse,
  text,
  type Walk,
  withDefault,
} from '@xebec/config/decode';
import { type EntryType, entryProblem } from './entries.ts';

export interface ListConfig {
  /** `http:`, `https:` or `file:`; empty: the overrides are all there is. */
  readonly providerUrl: string;
  readonly refreshIntervalMs: number;
  /** How long a list lives that cannot be refreshed. */
  readonly ttlMs: number;
  readonly cachingIntervalMs: number;
  readonly cachingUseCount: number;
  readonly overrides: readonly string[];
  readonly entryType: EntryType;
  readonly isBlacklist: boolean;
}

const second = 1_000;
const mostOverrides = 100_000;
const noOverrides: readonly string[] = [];

const shape = object({
  providerUrl: withDefault(text, ''),
  refreshInterval: withDefault(positiveDuration, 60 * second),
  ttl: withDefault(positiveDuration, 300 * second),
  cachingInterval: withDefault(durationOrZero, 300 * second),
  cachingUseCount: withDefault(integer(0, 0x7fff_ffff), 10_000),
  overrides: withDefault<readonly string[]>(list(text, { most: mostOverrides }), noOverrides),
  entryType: withDefault(oneOf('STRINGS', 'CASE_INSENSITIVE_STRINGS', 'IP_ADDRESSES', 'REGEX'), 'STRINGS'),
  blacklist: withDefault(boolean, false),
});

export const listParams: Decoder<ListConfig> = andThen(shape, (value, walk) => {
  const before = walk.problems.length;
  if (value.providerUrl !== '') checkProvider(value, walk);
  value.overrides.forEach((entry, index) => {
    const problem = entryProblem(entry, value.entryType);
    if (problem === undefined) return;
    const remedy = 'write an entry of the type, or change entryType';
    refuse(
      walk,
      { code: 'invalid-entry', message: `${quote(entry)}: ${problem}`, remedy },
      'overrides',
      index,
    );
  });
  if (walk.problems.length > before) return undefined;
  return {
    providerUrl: value.providerUrl,
    refreshIntervalMs: value.refreshInterval,
    ttlMs: value.ttl,
    cachingIntervalMs: value.cachingInterval,
    cachingUseCount: value.cachingUseCount,
    overrides: value.overrides,
    entryType: value.entryType,
    isBlacklist: value.blacklist,
  };
});

interface Provider {
  readonly providerUrl: string;
  readonly refreshInterval: number;
  readonly ttl: number;
}

function checkProvider({ providerUrl, refreshInterval, ttl }: Provider, walk: Walk): void {
  if (!isProvider(providerUrl)) {
    const remedy = 'write an http:, https: or file: URL';
    const message = `${quote(providerUrl)} is not where a list can be`;
    refuse(walk, { code: 'invalid-url', message, remedy }, 'providerUrl');
  }
  if (refreshInterval < second) {
    const message = 'a list is refreshed every second at most';
    refuse(walk, { code: 'out-of-range', message, remedy: 'write 1s or longer' }, 'refreshInterval');
  }
  if (ttl < refreshInterval) {
    const message = 'the list would end before it is refreshed';
    refuse(walk, { code: 'out-of-range', message, remedy: 'make it longer than refreshInterval' }, 'ttl');
  }
}

const longestUrl = 2_048;

function isProvider(written: string): boolean {
  if (written.length > longestUrl || !URL.canParse(written)) return false;
  const { protocol, hostname, pathname } = new URL(written);
  if (protocol === 'file:') return hostname === '' && pathname.length > 1;
  return (protocol === 'http:' || protocol === 'https:') && hostname !== '';
}
