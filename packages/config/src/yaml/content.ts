// What one document's text says, as plain data with the problems of its syntax.
import { parseDocument, type YAMLParseError } from 'yaml';
import type { DocumentProblem } from '../types.ts';
import { convertDocument } from './convert.ts';
import { checkLimits, problem } from './limits.ts';
import { yamlOptions } from './locate.ts';
import { readQuickly } from './quick-reader.ts';
import { positionAt } from './split.ts';

export interface Content {
  /** Undefined: nothing in it. */
  readonly value: unknown;
  readonly line: number;
  readonly column: number;
  readonly problems: readonly DocumentProblem[];
}

const nothing = { value: undefined, line: 1, column: 1 };

/** Reads one document; `text` may start with its marker. */
export function readContent(text: string): Content {
  if (text.length <= 65_536) {
    const quick = readQuickly(text);
    if (quick !== undefined) return { ...quick, problems: [] };
  }
  const limit = checkLimits(text);
  if (limit !== undefined) return { ...nothing, problems: [limit] };
  if (/^(?:[ \t]*(?:#[^\n]*)?\n|%YAML 1\.[12][ \t]*\r?(?:\n|$))*$/.test(text))
    return { ...nothing, problems: [] };
  return readFully(text);
}

function readFully(text: string): Content {
  const document = parseDocument(text, yamlOptions);
  const faults = [...document.errors, ...document.warnings].slice(0, 10);
  if (faults.length > 0) return { ...nothing, problems: faults.map((fault) => syntaxProblem(text, fault)) };
  const range = document.contents?.range;
  const { value, problems } = convertDocument(document, text);
  const isEmpty = value === null && (range === undefined || range === null || range[0] === range[1]);
  return { value: isEmpty ? undefined : value, ...positionAt(text, range?.[0] ?? 0), problems };
}

const remedies: Readonly<Record<string, string>> = {
  BAD_INDENT: 'indent the lines of one block equally',
  BLOCK_AS_IMPLICIT_KEY: 'write one "key: value" per line, or put the value in quotes',
  MISSING_CHAR: 'close the quote or bracket, or add what is missing',
  MULTIPLE_DOCS: 'put --- on a line of its own between documents',
  TAB_AS_INDENT: 'indent with spaces',
  TAG_RESOLVE_FAILED: 'remove the tag',
};

function syntaxProblem(
  text: string,
  fault: Pick<YAMLParseError, 'code' | 'message' | 'pos'>,
): DocumentProblem {
  const [offset] = fault.pos;
  return problem(text, offset, {
    code: 'yaml-syntax',
    message: (fault.message.split('\n', 1)[0] ?? fault.message).replaceAll(/\p{Cc}/gu, ' '),
    remedy: remedies[fault.code] ?? 'correct the YAML here',
  });
}
