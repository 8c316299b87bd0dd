// Reads an expression as Go's own parser does: same operators, same precedence (`|` binds like `+`), same complaints, because users know those messages. Rule: ends on any text, and goes no deeper than its limits.
import type { GoExpression } from './go-expression.ts';
import { type Scanner, scan } from './scanner.ts';
import { foundText, type SyntaxProblem, type Token } from './token.ts';

export type GoParse =
  | { readonly ok: true; readonly expression: GoExpression }
  | { readonly ok: false; readonly problems: readonly SyntaxProblem[] };

/** Nested deeper than this is refused: nobody writes it, and evaluation recurses. */
const maximumDepth = 200;

/** Operators, calls, indexes and dots of one expression. */
const maximumJoins = 1_000;

const precedences: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '+': 4,
  '-': 4,
  '|': 4,
  '^': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  '<<': 5,
  '>>': 5,
  '&': 5,
  '&^': 5,
};

const prefixes: ReadonlySet<string> = new Set(['+', '-', '!', '^', '&', '<-', '*']);

/** Where the reader goes on after an operand that is none. */
const restarts: ReadonlySet<string> = new Set(
  'break const continue defer fallthrough for go goto if return select switch type var'.split(' '),
);

/** What Go wants behind words that begin types. */
const typeOpeners: Readonly<Record<string, string>> = { map: '[', struct: '{', interface: '{', func: '(' };

/** The whole text as one expression. */
export function parseGo(source: string): GoParse {
  const parser = new GoParser(source);
  const expression = parser.readAll();
  const problems = parser.problems();
  return problems.length > 0 ? { ok: false, problems } : { ok: true, expression };
}

/** One pass over one text. */
class GoParser {
  readonly #source: string;
  readonly #scanner: Scanner;
  readonly #problems: SyntaxProblem[] = [];
  #token: Token;
  #depth = 0;
  #joins = 0;

  constructor(source: string) {
    this.#source = source;
    this.#scanner = scan(source);
    this.#token = this.#scanner.next();
  }

  readAll(): GoExpression {
    const expression = this.#binary(1);
    if (this.#token.kind === 'newline') this.#advance();
    this.#expect('end', 'EOF');
    return expression;
  }

  /** In the order of the text; of the grammar's own complaints only the first of a line. */
  problems(): readonly SyntaxProblem[] {
    return [...this.#scanner.problems, ...this.#problems].sort(
      (a, b) => a.offset - b.offset || (a.message < b.message ? -1 : 1),
    );
  }

  #binary(lowest: number): GoExpression {
    let left = this.#unary();
    for (;;) {
      const operator = this.#operator();
      const precedence = precedences[operator] ?? 0;
      if (precedence < lowest) return left;
      if (this.#token.text !== operator) this.#complain(`expected '${operator}', found '='`);
      const { offset } = this.#token;
      this.#advance();
      const right = this.#deeper(() => this.#binary(precedence + 1));
      left = { kind: 'binary', operator, left, right, offset };
      if (this.#isTooLong()) return this.#giveUp();
    }
  }

  /** A lone `=` is taken for the `==` that was meant. */
  #operator(): string {
    if (this.#token.kind !== 'operator') return '';
    return this.#token.text === '=' ? '==' : this.#token.text;
  }

  #unary(): GoExpression {
    const { kind, text, offset } = this.#token;
    if (kind !== 'operator' || !prefixes.has(text)) return this.#primary();
    this.#advance();
    const operand = this.#deeper(() => this.#unary());
    if (text === '*') return { kind: 'other', what: 'a pointer', offset };
    return { kind: 'unary', operator: text, operand, offset };
  }

  #primary(): GoExpression {
    let expression = this.#operand();
    for (;;) {
      if (this.#isTooLong()) return this.#giveUp();
      if (this.#isAt('.')) expression = this.#selector(expression);
      else if (this.#isAt('[')) expression = this.#index(expression);
      else if (this.#isAt('(')) expression = this.#call(expression);
      else return expression;
    }
  }

  #operand(): GoExpression {
    const { kind, text, offset } = this.#token;
    switch (kind) {
      case 'identifier':
        this.#advance();
        return { kind: 'name', name: text, offset };
      case 'integer':
      case 'float':
      case 'imaginary':
      case 'character':
      case 'string':
        this.#advance();
        return { kind: 'literal', literal: kind, text, offset };
      case 'keyword':
        return this.#typeWord();
      default:
        return this.#isAt('(') ? this.#parenthesized() : this.#noOperand();
    }
  }

  #parenthesized(): GoExpression {
    const { offset } = this.#token;
    this.#advance();
    const inner = this.#deeper(() => this.#binary(1));
    this.#expect('operator', ')');
    return { kind: 'parenthesized', inner, offset };
  }

  /** `map`, `func` and the like begin types: Go asks for the rest of the type. */
  #typeWord(): GoExpression {
    const opener = typeOpeners[this.#token.text];
    if (opener === undefined) return this.#noOperand();
    const { offset, text } = this.#token;
    this.#advance();
    if (!this.#isAt(opener)) this.#complain(`expected '${opener}', found ${foundText(this.#token)}`);
    else this.#complain(`unexpected type '${text}'`, offset);
    return this.#skipToRestart(offset);
  }

  #noOperand(): GoExpression {
    const { offset } = this.#token;
    this.#complain(`expected operand, found ${foundText(this.#token)}`);
    return this.#skipToRestart(offset);
  }

  #skipToRestart(offset: number): GoExpression {
    while (this.#token.kind !== 'end' && !restarts.has(this.#token.text)) this.#advance();
    return { kind: 'other', what: 'nothing', offset };
  }

  #selector(target: GoExpression): GoExpression {
    const { offset } = this.#token;
    this.#advance();
    if (this.#token.kind === 'identifier') {
      const name = this.#token.text;
      this.#advance();
      return { kind: 'selector', target, name, offset };
    }
    if (this.#isAt('(')) {
      this.#parenthesized();
      return { kind: 'other', what: 'a type assertion', offset };
    }
    this.#complain(`expected selector or type assertion, found ${foundText(this.#token)}`);
    this.#advance();
    return { kind: 'selector', target, name: '_', offset };
  }

  #index(target: GoExpression): GoExpression {
    const { offset } = this.#token;
    this.#advance();
    const index: GoExpression = this.#isAt(':')
      ? { kind: 'other', what: 'a slice', offset }
      : this.#deeper(() => this.#binary(1));
    let isSlice = false;
    while (this.#isAt(':')) {
      isSlice = true;
      this.#advance();
      if (!this.#isAt(':') && !this.#isAt(']') && this.#token.kind !== 'end')
        this.#deeper(() => this.#binary(1));
    }
    this.#expect('operator', ']');
    return isSlice ? { kind: 'other', what: 'a slice', offset } : { kind: 'index', target, index, offset };
  }

  #call(callee: GoExpression): GoExpression {
    const { offset } = this.#token;
    this.#advance();
    const operands: GoExpression[] = [];
    while (!this.#isAt(')') && this.#token.kind !== 'end') {
      operands.push(this.#deeper(() => this.#binary(1)));
      if (this.#isAt('...')) this.#advance();
      if (!this.#isAtComma()) break;
      this.#advance();
    }
    if (this.#token.kind === 'newline') {
      this.#complain("missing ',' before newline in argument list");
      this.#advance();
    }
    this.#expect('operator', ')');
    return { kind: 'call', callee, operands, offset };
  }

  /** At a comma, or where one was forgotten. */
  #isAtComma(): boolean {
    if (this.#isAt(',')) return true;
    if (this.#isAt(')')) return false;
    const where = this.#token.kind === 'newline' ? ' before newline' : '';
    this.#complain(`missing ','${where} in argument list`);
    return true;
  }

  #isAt(operator: string): boolean {
    return this.#token.kind === 'operator' && this.#token.text === operator;
  }

  #expect(kind: Token['kind'], text: string): void {
    const isThere = this.#token.kind === kind && (kind === 'end' || this.#token.text === text);
    if (!isThere) this.#complain(`expected '${text}', found ${foundText(this.#token)}`);
    this.#advance();
  }

  #advance(): void {
    this.#token = this.#scanner.next();
  }

  #deeper(read: () => GoExpression): GoExpression {
    this.#depth += 1;
    const expression = this.#depth > maximumDepth ? this.#giveUp() : read();
    this.#depth -= 1;
    return expression;
  }

  #isTooLong(): boolean {
    this.#joins += 1;
    return this.#joins > maximumJoins * 2;
  }

  #giveUp(): GoExpression {
    const { offset } = this.#token;
    this.#complain(`nested deeper than ${maximumDepth}, or joined of more than ${maximumJoins} parts`);
    while (this.#token.kind !== 'end') this.#advance();
    return { kind: 'other', what: 'nothing', offset };
  }

  /** A second complaint about a line follows from the first more often than not. */
  #complain(message: string, offset = this.#token.offset): void {
    const all = [...this.#problems, ...this.#scanner.problems].sort((a, b) => a.offset - b.offset);
    const last = all.at(-1);
    if (last !== undefined && !this.#source.slice(last.offset, offset).includes('\n')) return;
    this.#problems.push({ offset, message });
  }
}
