// Reads the lines of a chain as they are on the disk; judging them is not its business.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { idOf, readHead, segmentNames } from './chain-files.ts';
import { type ChainHead, decodeRecord, type ReadRecord } from './record.ts';

export interface ChainLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly record: ReadRecord | 'not-a-record' | 'changed';
  readonly text: string;
}

export interface ReadChain {
  /** The directory, or the one file that was named. */
  readonly path: string;
  readonly id?: string;
  readonly lines: readonly ChainLine[];
  /** The last line has no end: its writer stopped in the middle of it, or is at it. */
  readonly unfinished?: { readonly file: string; readonly line: number };
  /** Absent for one file by itself. */
  readonly head?: ChainHead | 'unreadable' | 'missing';
}

export interface ReadOptions {
  /** Whose fields are wanted; of other records only what links them is kept. Default: all. */
  readonly keepsFields?: (record: ReadRecord) => boolean;
}

/** Throws as the system does. */
export function readChain(path: string, { keepsFields = () => true }: ReadOptions = {}): ReadChain {
  const isDirectory = statSync(path).isDirectory();
  const directory = isDirectory ? path : dirname(path);
  const names = isDirectory ? segmentNames(path) : [basename(path)];
  // The head first: a writer that goes on meanwhile makes it older than the lines, which is fine, and never newer.
  const head = isDirectory ? (readHead(path) ?? 'missing') : undefined;
  const lines: ChainLine[] = [];
  let unfinished: ReadChain['unfinished'];
  for (const name of names) {
    const file = join(directory, name);
    const texts = readFileSync(file, 'utf8').split('\n');
    const rest = texts.pop() ?? '';
    const read = (text: string): ChainLine['record'] => {
      const record = decodeRecord(text);
      return typeof record === 'string' || keepsFields(record) ? record : { ...record, fields: {} };
    };
    texts.forEach((text, index) => {
      const record = read(text);
      // The text of a good record is in its fields.
      lines.push({ file, line: index + 1, record, text: typeof record === 'object' ? '' : text });
    });
    if (rest !== '') unfinished = { file, line: texts.length + 1 };
  }
  const id = idOf(directory);
  return {
    path,
    lines,
    ...(id === undefined ? {} : { id }),
    ...(unfinished === undefined ? {} : { unfinished }),
    ...(head === undefined ? {} : { head }),
  };
}

/** The chains at or below a path: a file, the directory of a chain, or one that holds several. Throws as the system does. */
export function findChains(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  if (idOf(path) !== undefined || segmentNames(path).length > 0) return [path];
  return directoriesIn(path).flatMap(findChains);
}

const directoriesIn = (path: string): readonly string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(path, name))
    .sort();

/** The newest record of a directory's chain that `isWanted`; its files are read from the last one backwards. Throws as the system does. */
export function newestRecord(
  directory: string,
  isWanted: (record: ReadRecord) => boolean,
): ReadRecord | undefined {
  for (const name of segmentNames(directory).toReversed()) {
    const lines = readFileSync(join(directory, name), 'utf8').split('\n').toReversed();
    for (const line of lines) {
      const record = decodeRecord(line);
      if (typeof record === 'object' && isWanted(record)) return record;
    }
  }
  return undefined;
}
