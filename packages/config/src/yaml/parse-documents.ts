// Reads a YAML or JSON file of any number of documents. A change of one document costs that document.
import type { Diagnostic } from '@xebec/std';
import type { ParsedDocument, ParsedFile, PlacedDocument } from '../types.ts';
import { parseOne } from './document.ts';
import { maxDocuments, maxFileLength } from './limits.ts';
import { createLocator } from './locate.ts';
import { type Place, placeDocument } from './place.ts';
import { type Segment, splitDocuments } from './split.ts';

/**
 * Splits `text` into documents and parses them to plain data. Errors of a document leave the others usable. With
 * `previous`, documents whose text did not change are not parsed again.
 */
export function parseDocuments(text: string, file: string, previous?: ParsedFile): ParsedFile {
  const content = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  const refusal = checkFile(content, file);
  if (refusal !== undefined) return { objects: [], diagnostics: [refusal], documents: [] };
  const segments = splitDocuments(content, maxDocuments + 1);
  if (segments.length > maxDocuments) {
    const message = `the file holds more than ${maxDocuments} documents`;
    const tooMany = fileProblem(file, { code: 'too-large', message, remedy: 'split it into several files' });
    return { objects: [], diagnostics: [tooMany], documents: [] };
  }
  return placeAll(reuse(content, segments, previous?.documents ?? []), file);
}

function checkFile(text: string, file: string): Diagnostic | undefined {
  if (text.length <= maxFileLength) return undefined;
  const message = `the file is longer than ${maxFileLength} characters`;
  return fileProblem(file, { code: 'too-large', message, remedy: 'split it into several files' });
}

const fileProblem = (file: string, what: Pick<Diagnostic, 'code' | 'message' | 'remedy'>): Diagnostic => ({
  severity: 'error',
  ...what,
  origin: { file, line: 1, column: 1 },
});

type Known = ParsedDocument | PlacedDocument;

/** Equal text at the start and at the end is the rule after an edit; between them documents are found by their text. */
function reuse(text: string, segments: readonly Segment[], old: readonly PlacedDocument[]): Known[] {
  const textOf = (index: number): string => {
    const { start, end } = segments[index] ?? { start: 0, end: 0 };
    return text.slice(start, end);
  };
  const most = Math.min(segments.length, old.length);
  let head = 0;
  while (head < most && old[head]?.document.text === textOf(head)) head++;
  let tail = 0;
  while (
    tail < most - head &&
    old[old.length - 1 - tail]?.document.text === textOf(segments.length - 1 - tail)
  ) {
    tail++;
  }
  const moved = new Map(old.slice(head, old.length - tail).map((placed) => [placed.document.text, placed]));
  const middle: Known[] = [];
  for (let index = head; index < segments.length - tail; index++) {
    const own = textOf(index);
    middle.push(moved.get(own) ?? parseOne(copyText(own)));
  }
  return [...old.slice(0, head), ...middle, ...old.slice(old.length - tail)];
}

/** A copy that does not keep the whole file alive, as a slice of it would. */
const copyText = (text: string): string => ` ${text}`.slice(1);

function placeAll(documents: readonly Known[], file: string): ParsedFile {
  const locate = createLocator();
  let startLine = 1;
  const placed = documents.map((known) => {
    const result = placeKnown(known, { file, startLine, locate });
    startLine += result.document.lineCount;
    return result;
  });
  return {
    objects: placed.flatMap(({ objects }) => objects),
    diagnostics: placed.flatMap(({ diagnostics }) => diagnostics),
    documents: placed,
  };
}

function placeKnown(known: Known, place: Place): PlacedDocument {
  if (!('document' in known)) return placeDocument(known, place);
  const isSame = known.startLine === place.startLine && known.file === place.file;
  return isSame ? known : placeDocument(known.document, place);
}
