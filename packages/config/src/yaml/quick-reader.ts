// Reads the plain block YAML that most manifests are, some thirty times faster than a full parser. It gives up (undefined) at anything unusual: then the full parser decides, so that this one never has the last word on an error.
import { plainMap } from '../values/plain-map.ts';
import { readFlow, readScalar } from './quick-scalars.ts';

export interface QuickDocument {
  /** Undefined for a document without content. */
  readonly value: unknown;
  readonly line: number;
  readonly column: number;
}

interface Lines {
  readonly text: string;
  /** First character of the current line's content; the text's length at the end. */
  at: number;
  indent: number;
  /** Where the current line ends. */
  end: number;
}

/** Thrown by nothing: marks text the quick reader does not read. */
const unread = Symbol('unread');
type Read<T> = T | typeof unread;

const unusual = /[^\n\u0020-\u007e]/;
const marker = /^--- *(?:#[^\n]*)?(?:\n|$)/;
const maxDepth = 40;

/** The document, or undefined when it needs the full parser. */
export function readQuickly(text: string): QuickDocument | undefined {
  if (unusual.test(text)) return undefined;
  const lines: Lines = { text, at: 0, indent: 0, end: marker.exec(text)?.[0].length ?? 0 };
  if (lines.end === 0) advanceFrom(lines, 0);
  else advanceFrom(lines, lines.end);
  if (lines.at >= text.length) return { value: undefined, line: 1, column: 1 };
  const first = lines.at;
  const column = lines.indent + 1;
  const value = readBlock(lines, 0);
  if (value === unread || lines.at < text.length) return undefined;
  return { value, line: lineOf(text, first), column };
}

function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

const space = 32;
const hash = 35;

/** Moves to the next line that holds more than a comment. */
function advanceFrom(lines: Lines, from: number): void {
  const { text } = lines;
  let start = from;
  while (start < text.length) {
    let at = start;
    while (text.charCodeAt(at) === space) at++;
    const end = text.indexOf('\n', at);
    lines.end = end < 0 ? text.length : end;
    if (at < lines.end && text.charCodeAt(at) !== hash) {
      lines.at = at;
      lines.indent = at - start;
      return;
    }
    start = lines.end + 1;
  }
  lines.at = text.length;
  lines.indent = -1;
}

const dash = 45;

const isItem = ({ text, at, end }: Lines): boolean =>
  text.charCodeAt(at) === dash && (at + 1 === end || text.charCodeAt(at + 1) === space);

function readBlock(lines: Lines, depth: number): Read<unknown> {
  if (depth > maxDepth) return unread;
  return isItem(lines) ? readList(lines, depth) : readMap(lines, depth);
}

function readList(lines: Lines, depth: number): Read<unknown[]> {
  const { indent, text } = lines;
  const items: unknown[] = [];
  while (lines.indent === indent && isItem(lines)) {
    let at = lines.at + 1;
    while (text.charCodeAt(at) === space) at++;
    const item = readItem(lines, at, depth);
    if (item === unread) return unread;
    items.push(item);
  }
  return lines.indent > indent ? unread : items;
}

function readItem(lines: Lines, at: number, depth: number): Read<unknown> {
  const { indent, text, end } = lines;
  if (at >= end || text.charCodeAt(at) === hash) {
    advanceFrom(lines, end + 1);
    return lines.indent > indent ? readBlock(lines, depth + 1) : unread;
  }
  const compactIndent = indent + (at - lines.at);
  lines.at = at;
  lines.indent = compactIndent;
  if (isItem(lines)) return unread;
  if (matchKey(text, at, end) !== undefined) return readMap(lines, depth + 1);
  const value = readInline(lines, at);
  return lines.indent > indent ? unread : value;
}

function readMap(lines: Lines, depth: number): Read<Record<string, unknown>> {
  const { indent, text } = lines;
  const map = plainMap<unknown>();
  while (lines.indent === indent && !isItem(lines)) {
    const key = matchKey(text, lines.at, lines.end);
    if (key === undefined || Object.hasOwn(map, key.name)) return unread;
    const value = readValue(lines, key.end, { indent, depth });
    if (value === unread) return unread;
    map[key.name] = value;
  }
  return lines.indent > indent || (lines.indent === indent && isItem(lines)) ? unread : map;
}

interface Key {
  readonly name: string;
  /** Behind the colon. */
  readonly end: number;
}

const keyPattern = /(?:([A-Za-z_][A-Za-z0-9_./-]*|[1-9][0-9]{0,8})|"([^"\\\n]*)"|'([^'\n]*)'):(?= |$)/my;
const words = /^(?:null|Null|NULL|true|True|TRUE|false|False|FALSE|y|n|yes|no|on|off)$/i;

function matchKey(text: string, at: number, end: number): Key | undefined {
  keyPattern.lastIndex = at;
  const found = keyPattern.exec(text);
  if (found === null || keyPattern.lastIndex > end) return undefined;
  const [, plain, double, single] = found;
  if (plain !== undefined && plain.length <= 5 && words.test(plain)) return undefined;
  const name = plain ?? double ?? single ?? '';
  return name.length > 512 ? undefined : { name, end: keyPattern.lastIndex };
}

function readValue(
  lines: Lines,
  from: number,
  { indent, depth }: { indent: number; depth: number },
): Read<unknown> {
  const { text, end } = lines;
  let at = from;
  while (text.charCodeAt(at) === space) at++;
  if (at < end && text.charCodeAt(at) !== hash) {
    const value = readInline(lines, at);
    return lines.indent > indent ? unread : value;
  }
  advanceFrom(lines, end + 1);
  if (lines.indent > indent) return readBlock(lines, depth + 1);
  return lines.indent === indent && lines.at < text.length && isItem(lines)
    ? readList(lines, depth + 1)
    : null;
}

/** A scalar or flow collection that ends on its line; moves on to the next line. */
function readInline(lines: Lines, at: number): Read<unknown> {
  const content = lines.text.slice(at, lines.end);
  advanceFrom(lines, lines.end + 1);
  const first = content.charCodeAt(0);
  const result = first === 91 || first === 123 ? readFlow(content) : readScalar(content);
  return result === undefined ? unread : result.value;
}
