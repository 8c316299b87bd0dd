// Numbers as Go writes them. Rule: always takes as many characters as Go would, and says what is wrong with them.
import type { SyntaxProblem, TokenKind } from './token.ts';

export interface NumberLiteral {
  readonly kind: Extract<TokenKind, 'integer' | 'float' | 'imaginary'>;
  readonly text: string;
  readonly problem?: SyntaxProblem;
}

const literalNames: Readonly<Record<string, string>> = {
  '': 'decimal literal',
  '0': 'octal literal',
  x: 'hexadecimal literal',
  o: 'octal literal',
  b: 'binary literal',
};

/** The number at an offset, which must hold a digit, or a dot before one. */
export function readNumber(source: string, offset: number): NumberLiteral {
  const rest = source.slice(offset);
  const prefixed = /^0([xXoObB])/.exec(rest)?.[1]?.toLowerCase();
  const digits = prefixed === 'x' ? '[0-9a-fA-F_]*' : '[0-9_]*';
  const shape = new RegExp(`^(?:0[xXoObB])?(${digits})(\\.${digits})?([eEpP][+-]?[0-9_]*)?(i)?`);
  const [text = '', whole = '', fraction, exponent, imaginary] = shape.exec(rest) ?? [];
  const prefix = prefixed ?? (whole.startsWith('0') ? '0' : '');
  const isFloat = fraction !== undefined || exponent !== undefined;
  const kind = imaginary !== undefined ? 'imaginary' : isFloat ? 'float' : 'integer';
  const problem = problemOf({
    offset,
    text,
    whole,
    fraction,
    exponent,
    prefix,
    isInteger: kind === 'integer',
  });
  return { kind, text, ...(problem === undefined ? {} : { problem }) };
}

interface NumberParts {
  readonly offset: number;
  readonly text: string;
  readonly whole: string;
  readonly fraction: string | undefined;
  readonly exponent: string | undefined;
  readonly prefix: string;
  readonly isInteger: boolean;
}

function problemOf(parts: NumberParts): SyntaxProblem | undefined {
  const { offset, text, whole, fraction, exponent, prefix, isInteger } = parts;
  const name = literalNames[prefix] ?? '';
  const start = (prefix === '' || prefix === '0' ? 0 : 2) + whole.length;
  if (fraction !== undefined && (prefix === 'o' || prefix === 'b')) {
    return { offset: offset + start, message: `invalid radix point in ${name}` };
  }
  if (!/[0-9a-fA-F]/.test(whole + (fraction ?? ''))) return { offset, message: `${name} has no digits` };
  if (exponent !== undefined) {
    const problem = exponentProblem(exponent, prefix, offset);
    if (problem !== undefined) return problem;
  } else if (prefix === 'x' && fraction !== undefined) {
    return { offset, message: "hexadecimal mantissa requires a 'p' exponent" };
  }
  if (isInteger) {
    const invalid = invalidDigit(text, prefix);
    if (invalid >= 0) {
      return { offset: offset + invalid, message: `invalid digit '${text[invalid]}' in ${name}` };
    }
  }
  return separatorProblem(text, offset);
}

function exponentProblem(exponent: string, prefix: string, offset: number): SyntaxProblem | undefined {
  const letter = exponent.slice(0, 1);
  const isDecimal = prefix === '' || prefix === '0';
  if (letter.toLowerCase() === 'e' && !isDecimal) {
    return { offset, message: `'${letter}' exponent requires decimal mantissa` };
  }
  if (letter.toLowerCase() === 'p' && prefix !== 'x') {
    return { offset, message: `'${letter}' exponent requires hexadecimal mantissa` };
  }
  return /\d/.test(exponent) ? undefined : { offset, message: 'exponent has no digits' };
}

function invalidDigit(text: string, prefix: string): number {
  if (prefix === '0' || prefix === 'o') return text.search(/[89]/);
  if (prefix === 'b') return text.search(/[2-9]/);
  return -1;
}

function separatorProblem(text: string, offset: number): SyntaxProblem | undefined {
  if (!text.includes('_')) return undefined;
  const body = text.replace(/^0[xXoObB]/, (prefix) => '0'.repeat(prefix.length));
  const wrong = body.search(/(?<=_)_|(?<![0-9a-fA-F_])_|_(?![0-9a-fA-F_])/);
  return wrong < 0 ? undefined : { offset: offset + wrong, message: "'_' must separate successive digits" };
}
