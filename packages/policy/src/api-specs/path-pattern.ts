// Patterns of paths, as HTTPAPISpecs write them. Rule: a variable stands for one part of the path or a piece of it, never for a slash; paths are compared without their query.
import { RE2JS } from '@bufbuild/re2';
import { looseTemplate } from './loose-path.ts';

export interface PathPattern {
  /** Patterns of another number of parts cannot match; undefined: any number. */
  readonly parts?: number;
  matches(path: string, parts: readonly string[]): boolean;
}

export const partsOf = (path: string): readonly string[] => path.split('/');

export interface WrittenPattern {
  readonly uriTemplate?: string;
  readonly regex?: string;
}

/** For paths made by `loosePath`. */
export function loosePattern({ uriTemplate = '', regex }: WrittenPattern): PathPattern {
  if (regex === undefined) return pathPattern({ uriTemplate: looseTemplate(uriTemplate) });
  const pattern = compile(`(?i)^(?:${regex})$`);
  // The slash at the end of a path may have been the pattern's.
  return { matches: (path) => pattern?.test(path) === true || pattern?.test(`${path}/`) === true };
}

export function pathPattern(written: WrittenPattern): PathPattern {
  if (written.regex !== undefined) return regexPattern(written.regex);
  const tests = partsOf(written.uriTemplate ?? '').map(partTest);
  return {
    parts: tests.length,
    matches: (_path, parts) => tests.every((test, index) => test(parts[index] ?? '')),
  };
}

/** The whole path. What is no expression was refused when it was written. */
function regexPattern(written: string): PathPattern {
  const pattern = compile(`^(?:${written})$`);
  return { matches: (path) => pattern?.test(path) ?? false };
}

function compile(written: string): RE2JS | undefined {
  try {
    return RE2JS.compile(written);
  } catch {
    return undefined;
  }
}

const variable = /\{[A-Za-z_]\w*\}|\*/;

function partTest(written: string): (part: string) => boolean {
  if (!variable.test(written)) return (part) => part === written;
  if (written === '*' || /^\{\w+\}$/.test(written)) return (part) => part !== '';
  const pieces = written.split(/(\{[A-Za-z_]\w*\}|\*)/);
  const expression = pieces.map((piece) => (variable.test(piece) ? '.+' : RE2JS.quote(piece))).join('');
  const pattern = compile(`^${expression}$`);
  return (part) => pattern?.test(part) ?? false;
}
