// Writes the table of docs/reference/attributes.md from the vocabulary: npx tsx docs/generate-attributes.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { istioAttributes } from '@xebec/policy';

const page = new URL('./reference/attributes.md', import.meta.url);
const marks = ['<!-- generated: begin -->', '<!-- generated: end -->'] as const;

const table = (): string => {
  const rows = istioAttributes.map(({ name, type, description = '' }) => [`\`${name}\``, type, description]);
  const cells = [['attribute', 'type', 'meaning'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(line)].join(
    '\n',
  );
};

/** The page with its generated part anew. */
export function withAttributes(text: string): string {
  const [begin, end] = marks;
  const head = text.slice(0, text.indexOf(begin) + begin.length);
  return `${head}\n\n${table()}\n\n${text.slice(text.indexOf(end))}`;
}

if (process.argv[1]?.endsWith('generate-attributes.ts'))
  writeFileSync(page, withAttributes(readFileSync(page, 'utf8')));
