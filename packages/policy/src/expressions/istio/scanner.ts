// Text to tokens. Rule: never fails; what is wrong is a complaint beside the tokens, as in Go's scanner.
import { readNumber } from './number-literal.ts';
import { nameCharacter, readString } from './string-literal.ts';
import { closing, keywords, operators, type SyntaxProblem, type Token, type TokenKind } from './token.ts';

/** Gives one token after another; the last is `end`, for ever. */
export interface Scanner {
  next(): Token;
  readonly problems: SyntaxProblem[];
}

export function scan(source: string): Scanner {
  const problems: SyntaxProblem[] = [];
  let at = 0;
  let mayEnd = false;
  const next = (): Token => {
    const gap = skipBlanks(source, at, mayEnd);
    at = gap.at;
    if (gap.problem !== undefined) problems.push(gap.problem);
    if (gap.newlineAt !== undefined) {
      mayEnd = false;
      return { kind: 'newline', text: '\n', offset: gap.newlineAt };
    }
    const { token, problem } = readToken(source, at);
    if (problem !== undefined) problems.push(problem);
    at += token.text.length;
    if (token.kind !== 'illegal') mayEnd = canEnd(token);
    return token;
  };
  return { next, problems };
}

interface Gap {
  readonly at: number;
  readonly newlineAt?: number;
  readonly problem?: SyntaxProblem;
}

/** Spaces, line ends and comments. The end of a line, or of the text, counts where an expression may end. */
function skipBlanks(source: string, from: number, mayEnd: boolean): Gap {
  let at = from;
  for (;;) {
    const character = source.charAt(at);
    if (character === '') return mayEnd ? { at, newlineAt: at } : { at };
    if (character === '\n' && mayEnd) return { at: at + 1, newlineAt: at };
    if (/[ \t\r\n]/.test(character)) {
      at += 1;
      continue;
    }
    if (!source.startsWith('//', at) && !source.startsWith('/*', at)) return { at };
    const end = commentEnd(source, at);
    if (end < 0) return { at: source.length, problem: { offset: at, message: 'comment not terminated' } };
    if (mayEnd && isLineEnd(source, at, end)) return { at: end, newlineAt: at };
    at = end;
  }
}

/** Past a comment; negative when it does not end. The line end after `//` is not part of it. */
function commentEnd(source: string, at: number): number {
  if (source.startsWith('//', at)) {
    const end = source.indexOf('\n', at);
    return end < 0 ? source.length : end;
  }
  const end = source.indexOf('*/', at + 2);
  return end < 0 ? -1 : end + 2;
}

const isLineEnd = (source: string, at: number, end: number): boolean =>
  source.startsWith('//', at) ||
  source.slice(at, end).includes('\n') ||
  /^[ \t\r]*(?:\n|$)/.test(source.slice(end));

interface Read {
  readonly token: Token;
  readonly problem?: SyntaxProblem;
}

function readToken(source: string, offset: number): Read {
  const rest = source.slice(offset, offset + 3);
  const first = rest.charAt(0);
  if (first === '') return { token: { kind: 'end', text: '', offset } };
  const name = nameAt(source, offset);
  if (name !== undefined) {
    return { token: { kind: keywords.has(name) ? 'keyword' : 'identifier', text: name, offset } };
  }
  if (/^\.?\d/.test(rest)) {
    const { kind, text, problem } = readNumber(source, offset);
    return { token: { kind, text, offset }, ...(problem === undefined ? {} : { problem }) };
  }
  if (first === '"' || first === '`' || first === "'") {
    const { text, problem } = readString(source, offset);
    const kind: TokenKind = first === "'" ? 'character' : 'string';
    return { token: { kind, text, offset }, ...(problem === undefined ? {} : { problem }) };
  }
  const operator = operators.find((candidate) => rest.startsWith(candidate));
  if (operator !== undefined) return { token: { kind: 'operator', text: operator, offset } };
  const text = String.fromCodePoint(source.codePointAt(offset) ?? 0);
  return {
    token: { kind: 'illegal', text, offset },
    problem: { offset, message: illegalCharacter(source, offset) },
  };
}

const namePattern = /[\p{L}_][\p{L}\p{Nd}_]*/uy;

function nameAt(source: string, offset: number): string | undefined {
  namePattern.lastIndex = offset;
  return namePattern.exec(source)?.[0];
}

function illegalCharacter(source: string, offset: number): string {
  const code = source.charCodeAt(offset);
  if (code === 0) return 'illegal character NUL';
  if (code === 0xfeff) return 'illegal byte order mark';
  return `illegal character ${nameCharacter(source, offset)}`;
}

const canEnd = ({ kind, text }: Token): boolean =>
  kind === 'operator' || kind === 'keyword' ? closing.has(text) : kind !== 'newline' && kind !== 'end';
