// Checks RE2 syntax and size. Linear in the text, bounded in depth; what it accepts, Envoy's RE2 accepts.
import { readClass } from './character-class.ts';
import { readEscape } from './escape.ts';
import {
  FaultSignal,
  isAtEnd,
  peek,
  type Reader,
  type RegexFault,
  raise,
  take,
  takeUntil,
} from './reader.ts';

const maxLength = 1_024;
const maxDepth = 100;
const maxRepeat = 1_000;
/** RE2 instructions, estimated high: Envoy's own limit, as Istio sets it, is 32768. */
const maxSize = 10_000;

/** Why `pattern` is not an acceptable RE2 expression, or undefined. */
export function checkRe2(pattern: string): RegexFault | undefined {
  const early = checkText(pattern);
  if (early !== undefined) return early;
  try {
    const reader: Reader = { points: bytesOf(pattern), at: 0 };
    const { size } = readAlternatives({ reader, names: new Set() }, 0);
    if (!isAtEnd(reader)) raise(reader, 'a ")" closes nothing', 'remove it, or write \\) for the character');
    if (size > maxSize) {
      raise(reader, 'it is too complex', 'use smaller repetition counts or fewer Unicode classes');
    }
    return undefined;
  } catch (error) {
    if (error instanceof FaultSignal) return error.fault;
    throw error;
  }
}

function checkText(pattern: string): RegexFault | undefined {
  if (pattern.length > maxLength) {
    return {
      message: `it has more than ${maxLength} characters`,
      remedy: 'match a prefix, or split it',
      at: maxLength,
    };
  }
  if (/\p{Surrogate}/u.test(pattern) || pattern.includes('\0')) {
    return { message: 'it holds characters that are no text', remedy: 'remove them', at: 0 };
  }
  return undefined;
}

/** Envoy's RE2 reads bytes, not characters: `é*` repeats the last byte of é. */
const bytesOf = (pattern: string): string[] =>
  Array.from(new TextEncoder().encode(pattern), (byte) => String.fromCharCode(byte));

interface State {
  readonly reader: Reader;
  readonly names: Set<string>;
}

/** Rough instruction count, and the product of nested counted repetitions. */
interface Measure {
  readonly size: number;
  readonly repeats: number;
}

function readAlternatives(state: State, depth: number): Measure {
  if (depth > maxDepth) {
    raise(state.reader, `groups are nested deeper than ${maxDepth}`, 'remove groups');
  }
  let size = 1;
  let repeats = 1;
  do {
    const branch = readSequence(state, depth);
    size += branch.size + 1;
    repeats = Math.max(repeats, branch.repeats);
  } while (take(state.reader, '|'));
  return { size, repeats };
}

function readSequence(state: State, depth: number): Measure {
  const { reader } = state;
  let size = 0;
  let repeats = 1;
  while (!isAtEnd(reader) && peek(reader) !== '|' && peek(reader) !== ')') {
    const item = readRepetition(reader, readAtom(state, depth));
    size += item.size;
    repeats = Math.max(repeats, item.repeats);
  }
  return { size, repeats };
}

const one: Measure = { size: 1, repeats: 1 };

function readAtom(state: State, depth: number): Measure {
  const { reader } = state;
  const next = peek(reader);
  if (next === '(') return readGroup(state, depth);
  if (next === '[') return { size: readClass(reader), repeats: 1 };
  if (next === '\\') return readEscaped(reader);
  if (isRepetition(reader)) nothingToRepeat(reader);
  reader.at++;
  return one;
}

const isRepetition = (reader: Reader): boolean =>
  /^[*+?]$/.test(peek(reader)) || readCounts(reader) !== undefined;

function nothingToRepeat(reader: Reader): never {
  const sign = peek(reader);
  return raise(reader, `there is nothing to repeat before "${sign}"`, `write \\${sign} for the character`);
}

function readEscaped(reader: Reader): Measure {
  if (peek(reader, 1) === 'Q') return readQuoted(reader);
  const escaped = readEscape(reader, false);
  return { size: escaped.kind === 'class' ? escaped.size : 4, repeats: 1 };
}

function readQuoted(reader: Reader): Measure {
  const start = reader.at;
  while (!isAtEnd(reader)) {
    if (reader.at > start + 1 && peek(reader) === '\\' && peek(reader, 1) === 'E') {
      reader.at += 2;
      break;
    }
    reader.at++;
  }
  if (reader.at <= start + 4 && isRepetition(reader)) nothingToRepeat(reader);
  return { size: 4 * (reader.at - start), repeats: 1 };
}

function readGroup(state: State, depth: number): Measure {
  const { reader, names } = state;
  const start = reader.at;
  reader.at++;
  if (take(reader, '?') && readGroupHead(reader, names) === 'flags') {
    if (isRepetition(reader)) nothingToRepeat(reader);
    return { size: 0, repeats: 1 };
  }
  const content = readAlternatives(state, depth + 1);
  if (!take(reader, ')')) {
    reader.at = start;
    raise(reader, 'a "(" is never closed', 'add ")", or write \\( for the character');
  }
  return { size: content.size + 2, repeats: content.repeats };
}

const flags = /^(?:[imsU]*|[imsU]*-[imsU]+)$/;

/** After `(?`: a name, flags for the group, or flags for the rest of the enclosing group. */
function readGroupHead(reader: Reader, names: Set<string>): 'group' | 'flags' {
  if (/^[=!>#]$/.test(peek(reader)) || /^<[=!]$/.test(peek(reader) + peek(reader, 1))) {
    raise(reader, 'RE2 has no look-around, atomic groups or comments', 'match what is there instead');
  }
  if (take(reader, 'P<') || take(reader, '<')) {
    readGroupName(reader, names);
    return 'group';
  }
  let written = '';
  while (!isAtEnd(reader) && peek(reader) !== ':' && peek(reader) !== ')') {
    written += reader.points[reader.at++];
  }
  const end = peek(reader);
  if (end === '' || !flags.test(written)) {
    raise(reader, 'a "(?" group that RE2 does not have', 'write (?:…), (?i), (?P<name>…) or (?i:…)');
  }
  reader.at++;
  return end === ':' ? 'group' : 'flags';
}

function readGroupName(reader: Reader, names: Set<string>): void {
  const name = takeUntil(reader, '>');
  if (name === undefined || !/^\w+$/.test(name)) {
    raise(reader, 'a malformed group name', 'write (?P<name>…) with letters, digits and "_"');
  }
  if (names.has(name)) raise(reader, 'two groups have the same name', 'rename one');
  names.add(name);
}

interface Counts {
  readonly length: number;
  readonly least: number;
  /** Undefined: no upper end. */
  readonly most: number | undefined;
}

/** `{2}`, `{2,}` or `{2,5}` at the current place; anything else in braces is literal text. */
function readCounts(reader: Reader): Counts | undefined {
  if (peek(reader) !== '{') return undefined;
  const text = reader.points.slice(reader.at, reader.at + 24).join('');
  const found = /^\{(\d{1,9})(,)?(\d{1,9})?\}/.exec(text);
  if (found === null || (found[2] === undefined && found[3] !== undefined)) return longCounts(reader, text);
  const least = Number(found[1]);
  const most = found[2] === undefined ? least : found[3] === undefined ? undefined : Number(found[3]);
  return { length: found[0].length, least, most };
}

function longCounts(reader: Reader, text: string): undefined {
  if (/^\{\d{4,}/.test(text) || /^\{\d+,\d{4,}/.test(text)) tooManyRepeats(reader);
}

const tooManyRepeats = (reader: Reader): never =>
  raise(
    reader,
    `more than ${maxRepeat} repetitions, nested ones multiplied`,
    'use a smaller count, or * or +',
  );

function readRepetition(reader: Reader, atom: Measure): Measure {
  const counts = readCounts(reader);
  if (counts === undefined && !/^[*+?]$/.test(peek(reader))) return atom;
  reader.at += counts?.length ?? 1;
  take(reader, '?');
  if (isRepetition(reader)) {
    raise(reader, 'two repetitions follow each other', 'put the first into a group: (?:…)');
  }
  return counts === undefined
    ? { size: atom.size + 2, repeats: atom.repeats }
    : counted(reader, atom, counts);
}

function counted(reader: Reader, atom: Measure, { least, most }: Counts): Measure {
  if (most !== undefined && most < least) {
    raise(reader, 'a repetition count that runs backwards', 'write the lower count first');
  }
  const factor = Math.max(1, most ?? least);
  const repeats = atom.repeats * factor;
  if (least > maxRepeat || repeats > maxRepeat) tooManyRepeats(reader);
  return { size: (atom.size + 1) * factor + 2, repeats };
}
