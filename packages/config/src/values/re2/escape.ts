// Escapes of RE2: what may follow a backslash, inside and outside of character classes.
import { isAtEnd, peek, type Reader, raise, take, takeUntil } from './reader.ts';
import { isUnicodeClass } from './unicode-names.ts';

/** A single character with its code point, or a whole class such as \d or \pL with its rough size in instructions. */
export type Escape =
  | { readonly kind: 'character'; readonly code: number }
  | { readonly kind: 'class'; readonly size: number }
  | { readonly kind: 'assertion' };

const simple: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['f', 12],
  ['t', 9],
  ['n', 10],
  ['r', 13],
  ['v', 11],
]);

const octal = /^[0-7]$/;
const unicodeClassSize = 300;

/** Reads an escape; the backslash is the current character. */
export function readEscape(reader: Reader, isInClass: boolean): Escape {
  reader.at++;
  if (isAtEnd(reader)) raise(reader, 'it ends with a backslash', 'write \\\\ for a backslash');
  const letter = peek(reader);
  if ('dDsSwW'.includes(letter)) return taken(reader, { kind: 'class', size: 3 });
  if (letter === 'p' || letter === 'P') return readUnicodeClass(reader);
  if (!isInClass && 'AzbBC'.includes(letter)) return taken(reader, { kind: 'assertion' });
  const code = simple.get(letter);
  if (code !== undefined) return taken(reader, { kind: 'character', code });
  if (letter === 'x') return readHexadecimal(reader);
  if (/^[0-9]$/.test(letter)) return readOctal(reader, letter);
  if (/^[!-/:-@[-`{-~ ]$/.test(letter)) return taken(reader, { kind: 'character', code: codeOf(letter) });
  return unknownEscape(reader, letter);
}

function taken(reader: Reader, what: Escape): Escape {
  reader.at++;
  return what;
}

export const codeOf = (point: string): number => point.codePointAt(0) ?? 0;

function readUnicodeClass(reader: Reader): Escape {
  reader.at++;
  const name = take(reader, '{') ? takeUntil(reader, '}') : (reader.points[reader.at++] ?? undefined);
  if (name === undefined) raise(reader, 'a class \\p has no name', 'write \\pL or \\p{Greek}');
  if (!isUnicodeClass(name.startsWith('^') ? name.slice(1) : name)) {
    raise(
      reader,
      'an unknown Unicode class',
      'use a general category such as \\pL or a script such as \\p{Greek}',
    );
  }
  return { kind: 'class', size: unicodeClassSize };
}

function readHexadecimal(reader: Reader): Escape {
  reader.at++;
  const digits = take(reader, '{') ? takeUntil(reader, '}') : twoCharacters(reader);
  const code = digits !== undefined && /^[0-9A-Fa-f]{1,8}$/.test(digits) ? Number.parseInt(digits, 16) : -1;
  if (code >= 0 && code <= 0xff) return { kind: 'character', code };
  return raise(reader, 'a malformed \\x', 'write \\x and two hexadecimal digits; Envoy matches bytes');
}

function twoCharacters(reader: Reader): string {
  const digits = peek(reader) + peek(reader, 1);
  reader.at += 2;
  return digits.length === 2 ? digits : '';
}

function readOctal(reader: Reader, first: string): Escape {
  if (first !== '0' && !(octal.test(first) && octal.test(peek(reader, 1)))) {
    raise(reader, 'RE2 has no back-references', 'match without referring back to a group');
  }
  let digits = '';
  while (digits.length < 3 && octal.test(peek(reader))) digits += reader.points[reader.at++];
  return { kind: 'character', code: Number.parseInt(digits, 8) };
}

function unknownEscape(reader: Reader, letter: string): never {
  if (letter === 'k') raise(reader, 'RE2 has no back-references', 'match without referring back to a group');
  if (letter === 'Z')
    raise(reader, 'RE2 has no \\Z', 'write \\z or nothing: the whole text is matched anyway');
  return raise(
    reader,
    'an escape that RE2 does not have',
    'escape only punctuation, or use a class such as \\d',
  );
}
