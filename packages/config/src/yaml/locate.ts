// Positions of fields: the document is parsed again when somebody asks, so that no syntax tree is kept.
import { type Document, isAlias, isMap, isPair, isScalar, isSeq, parseDocument } from 'yaml';
import type { Path } from '../decode/walk.ts';
import { positionAt } from './split.ts';

export const yamlOptions = {
  keepSourceTokens: false,
  // Silent would hide a second document behind an end marker.
  logLevel: 'error',
  prettyErrors: false,
  schema: 'core',
  strict: true,
  uniqueKeys: false,
  version: '1.2',
} as const;

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Remembers the last document it parsed: diagnostics come in bunches. */
export function createLocator(): (text: string, path: Path) => Position {
  let last: { readonly text: string; readonly document: Document.Parsed } | undefined;
  return (text, path) => {
    if (last?.text !== text) last = { text, document: parseDocument(text, yamlOptions) };
    return positionAt(text, findOffset(last.document, path));
  };
}

/** Offset of the key or item at `path`, or of its nearest ancestor that exists. */
function findOffset(document: Document.Parsed, path: Path): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    const next = child(resolve(node, document), step);
    if (next === undefined) break;
    offset = next.offset ?? offset;
    node = next.node;
  }
  return offset;
}

const resolve = (node: unknown, document: Document.Parsed): unknown =>
  isAlias(node) ? node.resolve(document) : node;

function child(
  node: unknown,
  step: string | number,
): { node: unknown; offset: number | undefined } | undefined {
  if (isSeq(node) && typeof step === 'number') {
    const item = node.items[step];
    return item === undefined ? undefined : { node: item, offset: startOf(item) };
  }
  if (!isMap(node)) return undefined;
  for (const pair of node.items) {
    const { key } = pair;
    if (isScalar(key) && String(key.value) === String(step))
      return { node: pair.value, offset: startOf(key) };
  }
  return undefined;
}

function startOf(node: unknown): number | undefined {
  if (isPair(node)) return startOf(node.key);
  const range: unknown = typeof node === 'object' && node !== null ? Reflect.get(node, 'range') : undefined;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined;
}
