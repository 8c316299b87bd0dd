// The entries of a list, ready to be asked. Rule: regular expressions are RE2, so no text makes them slow.

import { RE2JS } from '@bufbuild/re2';
import { formatIpAddress, parseIpAddress } from '../../expressions/values/ip-address.ts';
import { type AddressBlock, gatherBlocks, readBlock } from './address-blocks.ts';

export type EntryType = 'STRINGS' | 'CASE_INSENSITIVE_STRINGS' | 'IP_ADDRESSES' | 'REGEX';

export interface Entries {
  readonly size: number;
  /** `problem`: the value is not of a kind that can be looked for. */
  find(value: string | Uint8Array): { readonly isFound: boolean; readonly problem?: string };
}

/** What is wrong with an entry; undefined when nothing is. */
export function entryProblem(entry: string, type: EntryType): string | undefined {
  if (type === 'IP_ADDRESSES') {
    return readBlock(entry) === undefined ? 'is not an IP address or a block of them' : undefined;
  }
  if (type !== 'REGEX') return undefined;
  try {
    RE2JS.compile(entry);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'is not an RE2 expression';
  }
}

/** Entries with problems must have been found before: here they are left out. */
export function readEntries(entries: readonly string[], type: EntryType): Entries {
  const known = entries.filter((entry) => entry !== '');
  switch (type) {
    case 'STRINGS':
      return texts(new Set(known), (value) => value);
    case 'CASE_INSENSITIVE_STRINGS':
      return texts(new Set(known.map(fold)), fold);
    case 'IP_ADDRESSES':
      return addresses(known.flatMap((entry): readonly AddressBlock[] => [readBlock(entry) ?? []].flat()));
    case 'REGEX':
      return patterns(known);
  }
}

const fold = (text: string): string => text.toUpperCase();

const textOf = (value: string | Uint8Array): string =>
  typeof value === 'string' ? value : formatIpAddress(value);

const texts = (known: ReadonlySet<string>, normalize: (text: string) => string): Entries => ({
  size: known.size,
  find: (value) => ({ isFound: known.has(normalize(textOf(value))) }),
});

function addresses(list: readonly AddressBlock[]): Entries {
  const blocks = gatherBlocks(list);
  return {
    size: blocks.size,
    find: (value) => {
      const bytes = typeof value === 'string' ? parseIpAddress(value) : value;
      if (bytes === undefined) return { isFound: false, problem: 'is not an IP address' };
      return { isFound: blocks.has(bytes) };
    },
  };
}

function patterns(list: readonly string[]): Entries {
  const compiled = list.map((entry) => RE2JS.compile(entry));
  return {
    size: compiled.length,
    find: (value) => {
      const text = textOf(value);
      return { isFound: compiled.some((pattern) => pattern.test(text)) };
    },
  };
}

/** What a provider sends: one entry a line, or YAML with a list `whitelist`. Comments and empty lines mean nothing. */
export function splitEntries(content: string, type: EntryType): readonly string[] {
  const lines = content.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  if (type !== 'IP_ADDRESSES') return lines.filter((line) => line !== '');
  return lines
    .map((line) =>
      line
        .replace(/#.*$/, '')
        .replace(/^\s*-\s+/, '')
        .trim()
        .replace(/^(["'])(.*)\1$/, '$2'),
    )
    .filter((line) => line !== '' && line !== 'whitelist:');
}
