// One document's text as objects and problems, independent of where it stands in its file.
import { kindDefinitions } from '../kinds/registry.ts';
import type { DocumentObject, ParsedDocument } from '../types.ts';
import { isMap, plainMapOf } from '../values/plain-map.ts';
import { type Content, readContent } from './content.ts';
import { countLines } from './split.ts';

/** Parses a document; `text` may start with its marker. */
export function parseOne(text: string): ParsedDocument {
  const content = readContent(text);
  const hasError = content.problems.some(({ severity }) => severity === 'error');
  const objects = hasError || content.value === undefined ? [] : expand(content);
  return { text, lineCount: countLines(text), objects, problems: content.problems };
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
