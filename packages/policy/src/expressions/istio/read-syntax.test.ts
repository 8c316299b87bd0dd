// What is said of text that is no expression, and where: the sentences of Go's parser, which users know.
import { describe, expect, test } from 'vitest';
import { istioVocabulary } from '../../attributes/make-vocabulary.ts';
import { compileExpression } from '../compile-expression.ts';

const complaint = (text: string): string | undefined => {
  const compiled = compileExpression(text, { vocabulary: istioVocabulary });
  return compiled.ok ? undefined : compiled.diagnostics[0]?.message;
};

describe('[MX-3] syntax', () => {
  test.each([
    ['a ==', "1:5: expected operand, found 'EOF'"],
    ['a = 2', "1:3: expected '==', found '='"],
    ['(a', "1:3: expected ')', found newline"],
    ['match(a, "b"', "1:13: missing ',' before newline in argument list"],
    ['a b', "1:3: expected 'EOF', found b"],
    ['a.type', "1:3: expected selector or type assertion, found 'type'"],
    ['1.2.3', "1:4: expected 'EOF', found .3"],
    ['a[', "1:3: expected operand, found 'EOF'"],
    ['"un', '1:1: string literal not terminated'],
    ["'ab'", '1:1: illegal rune literal'],
    ['"\\q"', '1:3: unknown escape sequence'],
    ['08', "1:2: invalid digit '8' in octal literal"],
    ['1e', '1:1: exponent has no digits'],
    ['é @', "1:4: illegal character U+0040 '@'"],
    ['a\n== b', "2:1: expected 'EOF', found '=='"],
    ['map', "1:4: expected '[', found 'EOF'"],
    ['', "1:1: expected operand, found 'EOF'"],
  ])('%s', (text, message) => {
    expect(complaint(text)?.replace(/ \(and \d+ more errors\)$/, '')).toBe(
      `unable to parse expression '${text}': ${message}`,
    );
  });

  test.each([
    ['9223372036854775808', 'strconv.ParseInt: parsing "9223372036854775808": value out of range'],
    ['0x10', 'strconv.ParseInt: parsing "0x10": invalid syntax'],
    ['1e400', 'strconv.ParseFloat: parsing "1e400": value out of range'],
    ['a[1:2]', 'unexpected expression: a slice'],
    ['!connection.mtls', 'unknown function: NOT'],
    ['-1', 'unknown function: SUB'],
    [
      'response.duration == "1s"',
      'internal compiler error -- equality for type not yet implemented: duration',
    ],
    [
      'source.labels == source.labels',
      'internal compiler error -- equality for type not yet implemented: interface',
    ],
    ['connection.mtls < true', 'internal compiler error -- less than for type not yet implemented: bool'],
    ['source.ip + source.ip', 'internal compiler error -- Add for type not yet implemented: interface'],
    ['request.method.size()', 'invoking regular function on instance method: size'],
    ['match("a", "b", "c")', 'match("a", "b", "c") arity mismatch. Got 3 arg(s), expected 2 arg(s)'],
  ])('%s', (text, message) => {
    expect(complaint(text)).toBe(message);
  });

  test('a member function may be called on a key', () => {
    expect(complaint('request.headers["a"].startsWith("b")')).toBeUndefined();
  });
});
