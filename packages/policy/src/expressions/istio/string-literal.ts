// Strings as Go writes them: "…" with escapes, `…` without, and 'c' of one character. Rule: what is read here can always be unquoted.
import type { SyntaxProblem } from './token.ts';

export interface StringLiteral {
  readonly text: string;
  readonly problem?: SyntaxProblem;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** Digits of an escape and their base, by its letter. */
const numericEscapes: Readonly<Record<string, readonly [digits: number, base: number]>> = {
  x: [2, 16],
  u: [4, 16],
  U: [8, 16],
};

/** The literal at an offset, which must hold one of the three quotes. */
export function readString(source: string, offset: number): StringLiteral {
  const quote = source.charAt(offset);
  if (quote === '`') return readRaw(source, offset);
  let at = offset + 1;
  let characters = 0;
  let problem: SyntaxProblem | undefined;
  for (;;) {
    const next = source.charAt(at);
    if (next === '' || next === '\n') {
      const name = quote === '"' ? 'string' : 'rune';
      return {
        text: source.slice(offset, at),
        problem: problem ?? { offset, message: `${name} literal not terminated` },
      };
    }
    if (next === quote) break;
    const [length, wrong] = next === '\\' ? escapeAt(source, at, quote) : [codePointLength(source, at)];
    problem ??= wrong;
    at += length;
    characters += 1;
  }
  if (quote === "'" && characters !== 1) problem ??= { offset, message: 'illegal rune literal' };
  const text = source.slice(offset, at + 1);
  return problem === undefined ? { text } : { text, problem };
}

function readRaw(source: string, offset: number): StringLiteral {
  const end = source.indexOf('`', offset + 1);
  if (end >= 0) return { text: source.slice(offset, end + 1) };
  return { text: source.slice(offset), problem: { offset, message: 'raw string literal not terminated' } };
}

const codePointLength = (source: string, at: number): number =>
  (source.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;

function escapeAt(source: string, at: number, quote: string): readonly [number, SyntaxProblem?] {
  const letter = source.charAt(at + 1);
  if (letter === '') return [1, { offset: at + 1, message: 'escape sequence not terminated' }];
  if (letter === quote || (letter in simpleEscapes && letter !== "'" && letter !== '"')) return [2];
  const octal = /[0-7]/.test(letter);
  const [digits, base] = octal ? ([3, 8] as const) : (numericEscapes[letter] ?? [0, 0]);
  if (digits === 0) return [1, { offset: at + 1, message: 'unknown escape sequence' }];
  const start = at + (octal ? 1 : 2);
  const text = source.slice(start, start + digits);
  const wrong = text.search(base === 8 ? /[^0-7]/ : /[^0-9a-fA-F]/);
  if (wrong >= 0 || text.length < digits) {
    return [start - at, illegalDigit(source, start + (wrong >= 0 ? wrong : text.length))];
  }
  const value = Number.parseInt(text, base);
  const isByte = letter === 'x' || octal;
  if (isByte ? value > 255 : value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
    return [
      start - at + digits,
      { offset: at + 1, message: 'escape sequence is invalid Unicode code point' },
    ];
  }
  return [start - at + digits];
}

function illegalDigit(source: string, at: number): SyntaxProblem {
  const character = source.charAt(at);
  if (character === '') return { offset: at, message: 'escape sequence not terminated' };
  return { offset: at, message: `illegal character ${nameCharacter(source, at)} in escape sequence` };
}

/** `U+0040 '@'`. */
export function nameCharacter(source: string, at: number): string {
  const code = source.codePointAt(at) ?? 0;
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  const character = String.fromCodePoint(code);
  return /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character) ? `${name} '${character}'` : name;
}

/** What a literal says. Bytes that `\x` and octal escapes give are read as UTF-8. */
export function unquote(literal: string): string {
  const body = literal.slice(1, -1);
  if (literal.startsWith('`')) return body.replaceAll('\r', '');
  if (!body.includes('\\')) return body;
  return body.replace(
    /(?:\\(?:x[0-9a-fA-F]{2}|[0-7]{3}))+|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\./gsu,
    (written) => unescapeOne(written),
  );
}

function unescapeOne(written: string): string {
  const letter = written.charAt(1);
  if (letter === 'u' || letter === 'U') return String.fromCodePoint(Number.parseInt(written.slice(2), 16));
  if (letter !== 'x' && !/[0-7]/.test(letter)) return simpleEscapes[letter] ?? letter;
  const bytes = [...written.matchAll(/\\(?:x([0-9a-fA-F]{2})|([0-7]{3}))/g)].map(([, hex, octal]) =>
    hex === undefined ? Number.parseInt(octal ?? '0', 8) : Number.parseInt(hex, 16),
  );
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
