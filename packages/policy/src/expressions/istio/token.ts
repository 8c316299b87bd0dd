// The words of the old expression language: those of Go's expressions, because Mixer read expressions with Go's own parser. Rule: a token keeps the text that a message shows.

export type TokenKind =
  | 'identifier'
  | 'integer'
  | 'float'
  | 'imaginary'
  | 'character'
  | 'string'
  | 'operator'
  | 'keyword'
  /** A line that ended where an expression may end. */
  | 'newline'
  | 'illegal'
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Into the text, in UTF-16 units. */
  readonly offset: number;
}

/** A complaint about the text at an offset. */
export interface SyntaxProblem {
  readonly offset: number;
  readonly message: string;
}

const literals: ReadonlySet<TokenKind> = new Set([
  'identifier',
  'integer',
  'float',
  'imaginary',
  'character',
  'string',
]);

/** How a message calls a token that it did not expect. */
export function foundText(token: Token): string {
  if (token.kind === 'newline') return 'newline';
  if (literals.has(token.kind)) return token.text;
  if (token.kind === 'end') return "'EOF'";
  if (token.kind === 'illegal') return "'ILLEGAL'";
  return `'${token.text}'`;
}

/** Words that cannot be names, alone or behind a dot. */
export const keywords: ReadonlySet<string> = new Set(
  (
    'break case chan const continue default defer else fallthrough for func go goto if import interface ' +
    'map package range return select struct switch type var'
  ).split(' '),
);

/** Longest first, so that the first that fits is the one. */
export const operators: readonly string[] = (
  '<<= >>= &^= ... && || <- ++ -- == != <= >= := += -= *= /= %= &= |= ^= << >> &^ ' +
  '+ - * / % & | ^ < > = ! ( [ { , . ) ] } ; :'
).split(' ');

/** After these a line may end an expression. */
export const closing: ReadonlySet<string> = new Set([
  ')',
  ']',
  '}',
  '++',
  '--',
  'break',
  'continue',
  'fallthrough',
  'return',
]);
