// Regular expressions of users: RE2's syntax, time linear in the text. Rule: a pattern is compiled once and kept while it is among the last used; one that is too long is not compiled at all.
import { RE2JS } from '@bufbuild/re2';
import { Failure } from './failure.ts';

export interface Pattern {
  test(text: string): boolean;
}

const keptPatterns = 512;

/** Longer patterns come from attackers, not from people. */
const maximumPatternLength = 4_096;

const patterns = new Map<string, Pattern | Failure>();

export function compilePattern(source: string): Pattern | Failure {
  const known = patterns.get(source);
  if (known !== undefined) {
    patterns.delete(source);
    patterns.set(source, known);
    return known;
  }
  const made = makePattern(source);
  patterns.set(source, made);
  if (patterns.size > keptPatterns) {
    const [oldest] = patterns.keys();
    if (oldest !== undefined) patterns.delete(oldest);
  }
  return made;
}

function makePattern(source: string): Pattern | Failure {
  if (source.length > maximumPatternLength) {
    return new Failure(`error parsing regexp: longer than ${maximumPatternLength} characters`);
  }
  try {
    return RE2JS.compile(source);
  } catch (error) {
    return new Failure(error instanceof Error ? error.message : String(error));
  }
}
