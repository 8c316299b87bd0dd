// The tree of the old expression language, after Mixer's: constants, attributes and functions; an operator is a function with a name of its own. Rule: immutable, and `printSyntax` gives text that reads back to the same tree.
import type { Duration, ValueType } from '../../attributes/value.ts';

export interface ConstantSyntax {
  readonly kind: 'constant';
  readonly type: Extract<ValueType, 'STRING' | 'INT64' | 'DOUBLE' | 'BOOL' | 'DURATION'>;
  readonly value: string | bigint | number | boolean | Duration;
  /** As written. */
  readonly text: string;
  readonly offset: number;
}

export interface AttributeSyntax {
  readonly kind: 'attribute';
  readonly name: string;
  readonly offset: number;
}

export interface CallSyntax {
  readonly kind: 'call';
  /** `EQ`, `INDEX`, `match` … */
  readonly name: string;
  /** `TARGET.name(…)`. */
  readonly target?: Syntax;
  readonly args: readonly Syntax[];
  readonly offset: number;
}

export type Syntax = ConstantSyntax | AttributeSyntax | CallSyntax;

/** Mixer's names of operators. One that is missing here has none there either. */
export const binaryNames: Readonly<Record<string, string>> = {
  '+': 'ADD',
  '-': 'SUB',
  '*': 'MUL',
  '/': 'QUO',
  '%': 'REM',
  '&': 'AND',
  '|': 'OR',
  '^': 'XOR',
  '&&': 'LAND',
  '||': 'LOR',
  '==': 'EQ',
  '<': 'LT',
  '>': 'GT',
  '!': 'NOT',
  '!=': 'NEQ',
  '<=': 'LEQ',
  '>=': 'GEQ',
};

const symbols = new Map(Object.entries(binaryNames).map(([symbol, name]) => [name, symbol]));

/** As messages show it: every operator a function, every attribute with a dollar. */
export function describe(syntax: Syntax): string {
  switch (syntax.kind) {
    case 'constant':
      return syntax.text;
    case 'attribute':
      return `$${syntax.name}`;
    case 'call': {
      const target = syntax.target === undefined ? '' : `${describe(syntax.target)}:`;
      return `${target}${syntax.name}(${syntax.args.map(describe).join(', ')})`;
    }
  }
}

/** Text of the language that reads back to the same tree. */
export function printSyntax(syntax: Syntax): string {
  if (syntax.kind === 'constant') return syntax.text;
  if (syntax.kind === 'attribute') return syntax.name;
  const [first, second] = syntax.args.map(printSyntax);
  if (syntax.name === 'INDEX') return `${first}[${second}]`;
  const symbol = symbols.get(syntax.name);
  if (symbol !== undefined && syntax.target === undefined) {
    return second === undefined ? `(${symbol}${first})` : `(${first} ${symbol} ${second})`;
  }
  const target = syntax.target === undefined ? '' : `${printTarget(syntax.target)}.`;
  return `${target}${syntax.name}(${syntax.args.map(printSyntax).join(', ')})`;
}

const printTarget = (syntax: Syntax): string =>
  syntax.kind === 'constant' ? `(${syntax.text})` : printSyntax(syntax);
