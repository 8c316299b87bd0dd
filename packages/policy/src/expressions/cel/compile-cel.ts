// CEL: text to an expression, or what is wrong with it and where. Rule: checked against the vocabulary and planned once; evaluation never throws. What is common takes a short way; the library does the rest.
import { parse, plan } from '@bufbuild/cel';
import type { AttributeReference, AttributeSource, AttributeValue } from '../../attributes/value.ts';
import type { Vocabulary } from '../../attributes/vocabulary.ts';
import type { Expression } from '../expression.ts';
import { Failure, outcomeOf } from '../failure.ts';
import type { SyntaxProblem } from '../istio/token.ts';
import { bindingsFor } from './bindings.ts';
import { type CelExpr, environment } from './cel-library.ts';
import { showType, valueTypeOf } from './cel-type.ts';
import { type AttributeUse, CelChecker } from './check-cel.ts';
import { compileFast } from './fast-path.ts';
import { childrenOf, expandMacros } from './macros.ts';
import { fromCel, type OffsetOf } from './result.ts';

export type CompiledCel =
  | { readonly ok: true; readonly expression: Expression }
  | { readonly ok: false; readonly problem: SyntaxProblem };

/** The library's parser takes time that grows faster than the text. */
const maximumLength = 8_192;

/** Brackets in brackets. */
const maximumNesting = 64;

export function compileCel(text: string, vocabulary: Vocabulary): CompiledCel {
  const parsed = parseCel(text);
  if ('message' in parsed) return { ok: false, problem: parsed };
  const { expr, positions } = parsed;
  expandMacros(expr);
  const checker = new CelChecker(vocabulary, ({ id }) => positions[String(id)] ?? 0);
  const found = checker.check(expr);
  if (typeof found === 'object' && 'message' in found) return { ok: false, problem: found };
  const type = valueTypeOf(found);
  if (type === undefined) {
    const message = `the expression gives ${showType(found)}, which no attribute can hold`;
    return { ok: false, problem: { offset: 0, message } };
  }
  const fast = compileFast(expr, checker);
  const offsetOf: OffsetOf = (id) => positions[String(id)] ?? -1;
  const evaluate = fast ?? planned(expr, checker, { type, offsetOf });
  return {
    ok: true,
    expression: {
      text,
      language: 'cel',
      type,
      mentions: mentionsOf(checker.uses),
      evaluate: (attributes) => outcomeOf(evaluate(attributes)),
    },
  };
}

/** The library's way. */
export function planned(
  expr: CelExpr,
  { uses }: { readonly uses: readonly AttributeUse[] },
  { type, offsetOf = () => -1 }: { readonly type: Expression['type']; readonly offsetOf?: OffsetOf },
): (attributes: AttributeSource) => AttributeValue | Failure {
  const bind = bindingsFor(uses);
  try {
    const run = plan(environment, expr);
    return (attributes) => fromCel(run(bind(attributes)), type, offsetOf);
  } catch (error) {
    const failure = new Failure(error instanceof Error ? error.message : String(error));
    return () => failure;
  }
}

const mentionsOf = (uses: readonly AttributeUse[]): readonly AttributeReference[] =>
  [...new Set(uses.map(({ name }) => name))].map((name) => ({ name, isPresent: false }));

interface Parsed {
  readonly expr: CelExpr;
  /** Offsets by the id of the node. */
  readonly positions: Readonly<Record<string, number>>;
}

function parseCel(text: string): Parsed | SyntaxProblem {
  const tooMuch = text.length > maximumLength || nestingOf(text) > maximumNesting;
  if (tooMuch) {
    const message = `unable to parse expression: longer than ${maximumLength} characters, or nested deeper than ${maximumNesting}`;
    return { offset: 0, message };
  }
  try {
    const { expr, sourceInfo } = parse(text);
    if (depthOf(expr) > maximumDepth) return tooDeep;
    return { expr, positions: sourceInfo?.positions ?? {} };
  } catch (error) {
    return parseProblem(error);
  }
}

/** Checking and evaluating recurse. */
const maximumDepth = 500;

const tooDeep: SyntaxProblem = {
  offset: 0,
  message: `unable to parse expression: more than ${maximumDepth} parts in one another`,
};

/** Level by level, because the tree may be deeper than the stack. */
function depthOf(expr: CelExpr): number {
  let depth = 0;
  for (let level: readonly CelExpr[] = [expr]; level.length > 0; level = level.flatMap(childrenOf))
    depth += 1;
  return depth;
}

function parseProblem(error: unknown): SyntaxProblem {
  if (!(error instanceof Error))
    return { offset: 0, message: `unable to parse expression: ${String(error)}` };
  const message = 'rawMessage' in error ? String(error.rawMessage) : error.message;
  return { offset: offsetOf(error), message: `unable to parse expression: ${message.slice(0, 300)}` };
}

function offsetOf(error: Error): number {
  if (!('location' in error)) return 0;
  const { location } = error;
  if (typeof location !== 'object' || location === null || !('start' in location)) return 0;
  const { start } = location;
  if (typeof start !== 'object' || start === null || !('offset' in start)) return 0;
  return typeof start.offset === 'number' ? start.offset : 0;
}

function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let run = 0;
  for (const character of text) {
    if ('([{'.includes(character)) depth += 1;
    else if (')]}'.includes(character)) depth -= 1;
    run = '!-?'.includes(character) ? run + 1 : /\s/.test(character) ? run : 0;
    deepest = Math.max(deepest, depth, run);
  }
  return deepest;
}
