// Unified line diffs: the smallest edit for texts of a manifest's size, the whole text replaced where that would be slow.

type Edit = readonly ['=' | '-' | '+', string];

const largestTable = 4_000_000;

/** Edits that turn `before` into `after`; removals come before additions. */
export function diffLines(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const start = commonPrefix(before, after);
  const end = commonSuffix(before.slice(start), after.slice(start));
  const equal = (line: string): Edit => ['=', line];
  return [
    ...before.slice(0, start).map(equal),
    ...diffMiddle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(equal),
  ];
}

function commonPrefix(before: readonly string[], after: readonly string[]): number {
  let length = 0;
  while (length < before.length && length < after.length && before[length] === after[length]) length++;
  return length;
}

function commonSuffix(before: readonly string[], after: readonly string[]): number {
  let length = 0;
  while (
    length < before.length &&
    length < after.length &&
    before.at(-1 - length) === after.at(-1 - length)
  ) {
    length++;
  }
  return length;
}

function diffMiddle(before: readonly string[], after: readonly string[]): readonly Edit[] {
  if (before.length * after.length > largestTable) {
    return [...before.map((line): Edit => ['-', line]), ...after.map((line): Edit => ['+', line])];
  }
  const lengths = commonLengths(before, after);
  const width = after.length + 1;
  const edits: Edit[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const [left, right] = [before[i], after[j]];
    const down = lengths[(i + 1) * width + j] ?? -1;
    const across = lengths[i * width + j + 1] ?? -1;
    if (left !== undefined && left === right) {
      edits.push(['=', left]);
      i++;
      j++;
    } else if (left !== undefined && (right === undefined || down >= across)) {
      edits.push(['-', left]);
      i++;
    } else {
      edits.push(['+', right ?? '']);
      j++;
    }
  }
  return edits;
}

/** Row-major table: length of the longest common subsequence of the texts from line i and line j on. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint32Array {
  const width = after.length + 1;
  const lengths = new Uint32Array((before.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  return lengths;
}

/** Hunks with `context` lines around each change; empty when there is none. */
export function unifiedDiff(before: readonly string[], after: readonly string[], context = 3): string {
  const edits = diffLines(before, after);
  const lines: string[] = [];
  let [oldLine, newLine, position] = [1, 1, 0];
  for (const [from, to] of hunks(edits, context)) {
    for (; position < from; position++) [oldLine, newLine] = [oldLine + 1, newLine + 1];
    const hunk = edits.slice(from, to);
    const oldCount = hunk.filter(([sign]) => sign !== '+').length;
    const newCount = hunk.filter(([sign]) => sign !== '-').length;
    lines.push(`@@ -${range(oldLine, oldCount)} +${range(newLine, newCount)} @@`);
    lines.push(...hunk.map(([sign, line]) => `${sign === '=' ? ' ' : sign}${line}`));
    [oldLine, newLine, position] = [oldLine + oldCount, newLine + newCount, to];
  }
  return lines.join('\n');
}

const range = (line: number, count: number): string => `${count === 0 ? line - 1 : line},${count}`;

/** Spans of edits to show: every change with its context, spans that touch are one. */
function hunks(edits: readonly Edit[], context: number): readonly (readonly [number, number])[] {
  const spans: [number, number][] = [];
  edits.forEach(([sign], position) => {
    if (sign === '=') return;
    const last = spans.at(-1);
    const from = Math.max(0, position - context);
    const to = Math.min(edits.length, position + context + 1);
    if (last !== undefined && from <= last[1]) last[1] = to;
    else spans.push([from, to]);
  });
  return spans;
}
