// Cuts a YAML stream into documents at `---` in column 1, which is a marker wherever it stands.

export interface Segment {
  readonly start: number;
  readonly end: number;
}

const dash = 45;

/** Segments in order; each but the first starts with its marker. Stops after `most`. */
export function splitDocuments(text: string, most: number): Segment[] {
  const segments: Segment[] = [];
  let start = 0;
  for (let at = nextMarker(text, 0); at >= 0; at = nextMarker(text, at + 3)) {
    if (at > start) segments.push({ start, end: at });
    if (segments.length >= most) return segments;
    start = at;
  }
  if (start < text.length) segments.push({ start, end: text.length });
  return segments;
}

function nextMarker(text: string, from: number): number {
  if (from === 0 && isMarker(text, 0)) return 0;
  for (let at = text.indexOf('\n---', from); at >= 0; at = text.indexOf('\n---', at + 1)) {
    if (isMarker(text, at + 1)) return at + 1;
  }
  return -1;
}

function isMarker(text: string, at: number): boolean {
  for (let i = 0; i < 3; i++) if (text.charCodeAt(at + i) !== dash) return false;
  const next = text.charAt(at + 3);
  return next === '' || next === '\n' || next === '\r' || next === ' ' || next === '\t';
}

export function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}

/** Line and column, from 1, of an offset. */
export function positionAt(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  return { line: countLines(before) + 1, column: offset - before.lastIndexOf('\n') };
}
