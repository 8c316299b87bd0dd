// Tables as kubectl and istioctl print them: upper-case headings, three spaces between columns, no trailing blanks.
import { inOneLine } from './printable.ts';

export interface Cell {
  readonly text: string;
  /** Applied after the width was taken. */
  readonly paint?: (text: string) => string;
}

export type TableCell = string | number | Cell;

const cellOf = (cell: TableCell): Cell => (typeof cell === 'object' ? cell : { text: String(cell) });

/** Width on a terminal, near enough: wide characters count twice, combining ones not at all. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{Mark}/u.test(character)) continue;
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/u.test(
      character,
    )
      ? 2
      : 1;
  }
  return width;
}

/** One text with a line end per row; cells hold what anybody wrote, so they are made printable. */
export function formatTable(headings: readonly string[], rows: readonly (readonly TableCell[])[]): string {
  const cells = rows.map((row) =>
    row.map(cellOf).map((cell) => ({ ...cell, text: inOneLine(cell.text) || '-' })),
  );
  const all = [headings.map((text): Cell => ({ text })), ...cells];
  const widths = headings.map((_, column) =>
    all.reduce((most, row) => Math.max(most, widthOf(row[column]?.text ?? '')), 0),
  );
  return all.map((row) => `${formatRow(row, widths)}\n`).join('');
}

function formatRow(row: readonly Cell[], widths: readonly number[]): string {
  return row
    .map(({ text, paint }, column) => {
      const painted = paint === undefined ? text : paint(text);
      const isLast = column === row.length - 1;
      return isLast ? painted : painted + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(text)));
    })
    .join('   ')
    .trimEnd();
}

/** `1 proxy`, `3 proxies`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
