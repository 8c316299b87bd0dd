// An expression as conditions of a proxy. Rule: exactly Mixer's meaning, also of what is absent, or no conditions at all; what cannot be said is left to a call.
import type { TextMatch } from '@xebec/config';
import type { TextPattern } from '@xebec/model';
import type { AttributeValue } from '../attributes/value.ts';
import type { CallSyntax, Syntax } from '../expressions/istio/syntax.ts';
import {
  type Alternatives,
  always,
  both,
  either,
  holds,
  isPresent,
  isSmall,
  negated,
  never,
} from './conditions.ts';
import { type ProxyAttribute, proxyAttribute } from './proxy-attributes.ts';

/**
 * What is known of an attribute before any call: its value, that it is always absent, or nothing.
 * `one-of`: it is one of several, and which is not known.
 */
export type Known =
  | { readonly kind: 'value'; readonly value: AttributeValue }
  | { readonly kind: 'absent' }
  | { readonly kind: 'one-of'; readonly values: readonly string[] }
  | { readonly kind: 'unknown' }
  /** The proxy knows something else by that name: only the policy service can tell. */
  | { readonly kind: 'untold' };

export interface Knowledge {
  know(name: string, key?: string): Known;
}

/** When an expression is true and when it is false; when neither holds, its evaluation fails. */
export interface Truth {
  readonly whenTrue: Alternatives;
  readonly whenFalse: Alternatives;
  /** The calls for which it is true are all among `whenTrue`, which may hold for others, too. */
  readonly isExact: boolean;
  /** Some test is about requests: there is no such thing on a connection. */
  readonly isAboutRequests: boolean;
}

const constantly = (value: boolean): Truth => ({
  whenTrue: value ? always : never,
  whenFalse: value ? never : always,
  isExact: true,
  isAboutRequests: false,
});

/** It always fails: what needs it does not match. */
const failing: Truth = { whenTrue: never, whenFalse: never, isExact: true, isAboutRequests: false };

/** Nothing can be said about it here. */
const unsayable: Truth = { whenTrue: always, whenFalse: always, isExact: false, isAboutRequests: false };

/** An expression of type BOOL, read and checked before. */
export function express(syntax: Syntax, knowledge: Knowledge): Truth {
  if (syntax.kind === 'constant')
    return typeof syntax.value === 'boolean' ? constantly(syntax.value) : unsayable;
  if (syntax.kind === 'attribute') return expressVariable(syntax.name, knowledge);
  switch (syntax.name) {
    case 'LAND':
      return combine(syntax, knowledge, conjunction);
    case 'LOR':
      return combine(syntax, knowledge, disjunction);
    case 'EQ':
      return compare(syntax, knowledge);
    case 'NEQ':
      return inverted(compare(syntax, knowledge));
    default:
      return expressFunction(syntax, knowledge);
  }
}

const operand = ({ args }: CallSyntax, index: number): Syntax =>
  args[index] ?? { kind: 'attribute', name: '', offset: 0 };

function combine(syntax: CallSyntax, knowledge: Knowledge, how: (left: Truth, right: Truth) => Truth): Truth {
  return how(express(operand(syntax, 0), knowledge), express(operand(syntax, 1), knowledge));
}

/** The right side is only looked at when the left one is true. */
export function conjunction(left: Truth, right: Truth): Truth {
  const whenTrue = both(left.whenTrue, right.whenTrue);
  const stopped = both(left.whenTrue, right.whenFalse);
  return joined(left, right, {
    whenTrue,
    whenFalse: stopped === undefined ? undefined : either(left.whenFalse, stopped),
    isDecided: left.isExact && left.whenTrue.length === 0,
  });
}

/** The right side is only looked at when the left one is false. */
function disjunction(left: Truth, right: Truth): Truth {
  const later = both(left.whenFalse, right.whenTrue);
  return joined(left, right, {
    whenTrue: later === undefined ? undefined : either(left.whenTrue, later),
    whenFalse: both(left.whenFalse, right.whenFalse),
    isDecided: left.isExact && left.whenFalse.length === 0,
  });
}

interface Joined {
  readonly whenTrue: Alternatives | undefined;
  readonly whenFalse: Alternatives | undefined;
  /** The right side is never looked at: `false && …`. */
  readonly isDecided: boolean;
}

function joined(left: Truth, right: Truth, { whenTrue, whenFalse, isDecided }: Joined): Truth {
  if (whenTrue === undefined || whenFalse === undefined || !isSmall(whenTrue) || !isSmall(whenFalse)) {
    return unsayable;
  }
  return {
    whenTrue,
    whenFalse,
    isExact: left.isExact && (right.isExact || isDecided),
    isAboutRequests: left.isAboutRequests || right.isAboutRequests,
  };
}

/** Of a QuotaSpec: one of the clauses holds, each with all of its tests; no clause: every call. */
export function expressClauses(
  clauses: readonly Readonly<Record<string, TextMatch>>[],
  knowledge: Knowledge,
): Truth {
  const [first, ...more] = clauses.map((clause) =>
    Object.entries(clause)
      .map(([name, match]) => clauseTest(name, match, knowledge))
      .reduce((left, right) => conjunction(left, right), constantly(true)),
  );
  if (first === undefined) return constantly(true);
  return more.reduce((left, right) => disjunction(left, right), first);
}

/** What is absent passes no test. */
function clauseTest(name: string, { kind, value }: TextMatch, knowledge: Knowledge): Truth {
  if (kind === 'regex') return unsayable;
  const [, attribute = name, key] = /^([^[]+)\[([^\]]+)\]$/.exec(name) ?? [];
  const term = attributeTerm(knowledge, attribute, key);
  const test = kind === 'exact' ? exactly(value) : beginning(value);
  if (term.kind === 'absent' || term.kind === 'no-key') return constantly(false);
  if (term.kind !== 'attribute') return testOf(term, test);
  // An empty text is not told from none.
  if (value === '' || (term.of.isAddress === true && !isAddressTest(test.pattern))) return unsayable;
  // Clauses compare texts, and a number is none.
  if (term.of.isNumber === true) return unsayable;
  const matches = holds(term.of.attribute, test.pattern);
  return {
    whenTrue: [[matches]],
    whenFalse: [[negated(matches)]],
    isExact: true,
    isAboutRequests: term.of.isOfRequests,
  };
}

const inverted = (truth: Truth): Truth => ({
  ...truth,
  whenTrue: truth.whenFalse,
  whenFalse: truth.whenTrue,
});

function expressVariable(name: string, knowledge: Knowledge): Truth {
  const known = knowledge.know(name);
  if (known.kind === 'absent') return failing;
  return known.kind === 'value' && typeof known.value === 'boolean' ? constantly(known.value) : unsayable;
}

/** One side of a comparison. */
export type Term =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'one-of'; readonly values: readonly string[] }
  | { readonly kind: 'attribute'; readonly of: ProxyAttribute; readonly otherwise?: string }
  | { readonly kind: 'absent' }
  /** A key that a map does not have: empty, unless there is a default. */
  | { readonly kind: 'no-key' }
  | { readonly kind: 'other' };

/** Of types that have the same text only when they are equal. */
function textOf(value: AttributeValue): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : undefined;
}

export function termOf(syntax: Syntax, knowledge: Knowledge): Term {
  if (syntax.kind === 'constant') {
    return typeof syntax.value === 'string' ||
      typeof syntax.value === 'bigint' ||
      typeof syntax.value === 'boolean'
      ? { kind: 'text', text: String(syntax.value) }
      : { kind: 'other' };
  }
  if (syntax.kind === 'attribute') return attributeTerm(knowledge, syntax.name);
  const [first, second] = syntax.args;
  if (first === undefined) return { kind: 'other' };
  if (syntax.name === 'INDEX' && first.kind === 'attribute' && second?.kind === 'constant') {
    return attributeTerm(knowledge, first.name, String(second.value));
  }
  if (syntax.name === 'OR' && second !== undefined) return withDefault(first, second, knowledge);
  if (syntax.name === 'ip' && first.kind === 'constant') return { kind: 'text', text: String(first.value) };
  return { kind: 'other' };
}

function attributeTerm(knowledge: Knowledge, name: string, key?: string): Term {
  const known = knowledge.know(name, key);
  if (known.kind === 'absent') return key === undefined ? known : { kind: 'no-key' };
  if (known.kind === 'one-of') return known;
  if (known.kind === 'untold') return { kind: 'other' };
  if (known.kind === 'value') {
    const text = textOf(known.value);
    return text === undefined ? { kind: 'other' } : { kind: 'text', text };
  }
  const of = proxyAttribute(name, key);
  return of === undefined ? { kind: 'other' } : { kind: 'attribute', of };
}

function withDefault(first: Syntax, second: Syntax, knowledge: Knowledge): Term {
  const left = termOf(first, knowledge);
  if (left.kind === 'absent' || left.kind === 'no-key') return termOf(second, knowledge);
  if (left.kind !== 'attribute') return left;
  if (left.of.isAlwaysThere || left.otherwise !== undefined) return left;
  const right = termOf(second, knowledge);
  return right.kind === 'text' ? { ...left, otherwise: right.text } : { kind: 'other' };
}

function compare(syntax: CallSyntax, knowledge: Knowledge): Truth {
  const left = termOf(operand(syntax, 0), knowledge);
  const right = termOf(operand(syntax, 1), knowledge);
  if (left.kind === 'text' && right.kind !== 'text') return testOf(right, exactly(left.text));
  return right.kind === 'text' ? testOf(left, exactly(right.text)) : fails(left, right);
}

const fails = (...terms: readonly Term[]): Truth =>
  terms.some(({ kind }) => kind === 'absent') ? failing : unsayable;

interface TextTest {
  readonly pattern: TextPattern;
  readonly passes: (text: string) => boolean;
}

const exactly = (value: string): TextTest => ({
  pattern: { kind: 'exact', value },
  passes: (text) => text === value,
});

const beginning = (value: string): TextTest => ({
  pattern: { kind: 'prefix', value },
  passes: (text) => text.startsWith(value),
});

const ending = (value: string): TextTest => ({
  pattern: { kind: 'suffix', value },
  passes: (text) => text.endsWith(value),
});

/** Whether a term passes a test of texts. */
export function testOf(term: Term, { pattern, passes }: TextTest): Truth {
  switch (term.kind) {
    case 'text':
      return constantly(passes(term.text));
    case 'one-of': {
      const found = new Set(term.values.map(passes));
      return found.size === 1 ? constantly(found.has(true)) : unsayable;
    }
    case 'absent':
      return failing;
    case 'no-key':
      return constantly(passes(''));
    case 'other':
      return unsayable;
    case 'attribute':
      return attributeTest(term, { pattern, passes });
  }
}

function attributeTest(
  { of, otherwise: written }: Extract<Term, { kind: 'attribute' }>,
  { pattern, passes }: TextTest,
): Truth {
  const otherwise = written ?? (of.isMapKey === true ? '' : undefined);
  if (of.isAddress === true && !isAddressTest(pattern)) return unsayable;
  if (of.isNumber === true && !isPortTest(pattern)) return unsayable;
  if (pattern.kind !== 'present' && pattern.value === '' && pattern.kind !== 'exact') return unsayable;
  const matches = holds(of.attribute, pattern);
  const there = of.isAlwaysThere ? [] : [isPresent(of.attribute)];
  const absent = otherwise === undefined || of.isAlwaysThere ? [] : [[negated(isPresent(of.attribute))]];
  const passesAbsent = otherwise !== undefined && passes(otherwise);
  return {
    whenTrue: either([[matches]], passesAbsent ? absent : never),
    whenFalse: either([[...there, negated(matches)]], passesAbsent ? never : absent),
    isExact: true,
    isAboutRequests: of.isOfRequests,
  };
}

/** Proxies compare addresses as numbers; anything else that is written there has to be judged elsewhere. */
const isAddressTest = (pattern: TextPattern): boolean =>
  pattern.kind === 'exact' && (isIpv4(pattern.value) || /^[0-9a-fA-F]*:[0-9a-fA-F:]+$/.test(pattern.value));

/** What is no port is equal to none; that is not worth a rule of its own. */
const isPortTest = (pattern: TextPattern): boolean =>
  pattern.kind === 'exact' && /^[1-9]\d{0,4}$/.test(pattern.value) && Number(pattern.value) <= 65_535;

const isIpv4 = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) <= 255);

/** `match(text, "begin*")`, `text.startsWith("begin")`, `text.endsWith("end")`. */
function expressFunction({ name, target, args }: CallSyntax, knowledge: Knowledge): Truth {
  const [first, second] = args;
  if (name === 'match' && first !== undefined && second?.kind === 'constant') {
    return testOf(termOf(first, knowledge), wildcard(String(second.value)));
  }
  if (target === undefined || first?.kind !== 'constant') return unsayable;
  if (name === 'startsWith') return testOf(termOf(target, knowledge), beginning(String(first.value)));
  if (name === 'endsWith') return testOf(termOf(target, knowledge), ending(String(first.value)));
  return unsayable;
}

function wildcard(pattern: string): TextTest {
  if (pattern.endsWith('*')) return beginning(pattern.slice(0, -1));
  return pattern.startsWith('*') ? ending(pattern.slice(1)) : exactly(pattern);
}
