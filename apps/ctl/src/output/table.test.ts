// Tables and text as a terminal gets them.
import { describe, expect, it } from 'vitest';
import { inOneLine, printable } from './printable.ts';
import { formatTable, plural } from './table.ts';

describe('formatTable', () => {
  it('aligns columns and ends lines without blanks', () => {
    expect(
      formatTable(
        ['A', 'LONG'],
        [
          ['wide cell', ''],
          ['b', 'x'],
        ],
      ),
    ).toBe('A           LONG\nwide cell   -\nb           x\n');
  });

  it('paints without counting the paint', () => {
    const paint = (text: string) => `<${text}>`;
    expect(
      formatTable(
        ['A', 'B'],
        [
          [{ text: 'x', paint }, 'y'],
          ['xx', 'z'],
        ],
      ),
    ).toBe('A    B\n<x>    y\nxx   z\n');
  });

  it('counts wide characters twice and combining ones not at all', () => {
    expect(
      formatTable(
        ['A', 'B'],
        [
          ['本', 'x'],
          ['e\u0301e', 'y'],
        ],
      ),
    ).toBe('A    B\n本   x\ne\u0301e   y\n');
  });

  it('shows what would move the cursor', () => {
    expect(formatTable(['A'], [['a\u001b[2Jb\nc']])).toBe('A\na\\x1b[2Jb c\n');
  });
});

describe('printable', () => {
  it('keeps text, tabs and lines', () => {
    expect(printable('ä\tb\nc')).toBe('ä\tb\nc');
    expect(printable('a\u0007\u202eb')).toBe('a\\x07\\u202eb');
    expect(inOneLine('a\r\n  b')).toBe('a b');
  });
});

describe('plural', () => {
  it('counts', () => {
    expect([plural(1, 'proxy', 'proxies'), plural(10_000, 'proxy', 'proxies')]).toEqual([
      '1 proxy',
      '10,000 proxies',
    ]);
  });
});
