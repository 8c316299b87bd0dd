// One document's text as objects and problems, independent of where it stands in its file.
import { parseDocument, type YAMLParseError } from 'yaml';
import { kindDefinitions } from '../kinds/registry.ts';
import type { DocumentObject, DocumentProblem, ParsedDocument } from '../types.ts';
import { isMap, plainMapOf } from '../values/plain-map.ts';
import { convertDocument } from './convert.ts';
import { checkLimits, problem } from './limits.ts';
import { yamlOptions } from './locate.ts';
import { readQuickly } from './quick-reader.ts';
import { countLines, positionAt } from './split.ts';

interface Content {
  /** Undefined: nothing in it. */
  readonly value: unknown;
  readonly line: number;
  readonly column: number;
  readonly problems: readonly DocumentProblem[];
}

const nothing = { value: undefined, line: 1, column: 1 };

/** Parses a document; `text` may start with its marker. */
export function parseOne(text: string): ParsedDocument {
  const content = readContent(text);
  const hasError = content.problems.some(({ severity }) => severity === 'error');
  const objects = hasError || content.value === undefined ? [] : expand(content);
  return { text, lineCount: countLines(text), objects, problems: content.problems };
}

function readContent(text: string): Content {
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
    message: fault.message.split('\n', 1)[0] ?? fault.message,
    remedy: remedies[fault.code] ?? 'correct the YAML here',
  });
}

/** The object itself, or the items of a `List`. */
function expand({ value, line, column }: Content): DocumentObject[] {
  const items = listItems(value);
  if (items === undefined) return [{ value, prefix: [], line, column }];
  return items.map((item, index) => ({ value: item, prefix: ['items', index], line, column }));
}

function listItems(value: unknown): readonly unknown[] | undefined {
  if (!isMap(value) || typeof value['kind'] !== 'string' || !value['kind'].endsWith('List')) return undefined;
  const { items, apiVersion } = value;
  if (!Array.isArray(items)) return undefined;
  const kind = value['kind'].slice(0, -'List'.length);
  if (!Object.hasOwn(kindDefinitions, kind)) return items;
  return items.map((item) => (isMap(item) ? plainMapOf<unknown>({ apiVersion, kind, ...item }) : item));
}
