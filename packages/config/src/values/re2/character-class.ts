// Character classes of RE2: [a-z], [^\d], [[:alpha:]].
import { codeOf, readEscape } from './escape.ts';
import { isAtEnd, peek, type Reader, raise, take } from './reader.ts';

const posix = new Set(
  'alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit'.split(' '),
);

/** Reads a class; its `[` is the current character. Returns its rough size in instructions. */
export function readClass(reader: Reader): number {
  const start = reader.at;
  reader.at++;
  take(reader, '^');
  let size = 1;
  for (let isFirst = true; isFirst || peek(reader) !== ']'; isFirst = false) {
    if (isAtEnd(reader)) {
      reader.at = start;
      raise(reader, 'a "[" is never closed', 'add "]", or write \\[ for the character');
    }
    size += readItem(reader);
  }
  reader.at++;
  return size;
}

function readItem(reader: Reader): number {
  const named = readPosix(reader);
  if (named) return 3;
  const low = readBound(reader);
  if (low.kind === 'class') return low.size;
  if (peek(reader) !== '-' || peek(reader, 1) === ']' || reader.points[reader.at + 1] === undefined) return 4;
  reader.at++;
  const high = readBound(reader);
  if (high.kind === 'class' || high.code < low.code) {
    raise(
      reader,
      'a range that runs backwards or has no end',
      'write the lower end first, or escape the dash: \\-',
    );
  }
  return 4;
}

function readPosix(reader: Reader): boolean {
  if (peek(reader) !== '[' || peek(reader, 1) !== ':') return false;
  const rest = reader.points.slice(reader.at + 2, reader.at + 20).join('');
  const end = rest.indexOf(':]');
  if (end < 0) return looksUnclosed(reader);
  const name = rest.slice(0, end).replace(/^\^/, '');
  if (!posix.has(name)) raise(reader, 'an unknown class [: :]', 'use one such as [[:alpha:]] or [[:digit:]]');
  reader.at += 2 + end + 2;
  return true;
}

/** Without `:]` anywhere the text is literal; with one further on the name is too long to be known. */
function looksUnclosed(reader: Reader): boolean {
  const rest = reader.points.slice(reader.at + 2).join('');
  if (rest.includes(':]')) raise(reader, 'an unknown class [: :]', 'use one such as [[:alpha:]]');
  return false;
}

type Bound =
  | { readonly kind: 'character'; readonly code: number }
  | { readonly kind: 'class'; readonly size: number };

function readBound(reader: Reader): Bound {
  if (peek(reader) !== '\\') {
    const code = codeOf(peek(reader));
    reader.at++;
    return { kind: 'character', code };
  }
  const escaped = readEscape(reader, true);
  return escaped.kind === 'assertion' ? { kind: 'class', size: 1 } : escaped;
}
