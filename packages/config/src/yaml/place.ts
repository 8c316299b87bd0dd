// Puts a parsed document at its line of a file: raw objects with positions, diagnostics with origins.
import type { Diagnostic, Origin } from '@xebec/std';
import type { Path } from '../decode/walk.ts';
import { toYaml } from '../object/manifest.ts';
import type { DocumentObject, DocumentProblem, ParsedDocument, PlacedDocument, RawObject } from '../types.ts';
import type { Position } from './locate.ts';

export interface Place {
  readonly file: string;
  readonly startLine: number;
  readonly locate: (text: string, path: Path) => Position;
}

export function placeDocument(document: ParsedDocument, place: Place): PlacedDocument {
  const { file, startLine } = place;
  return {
    document,
    file,
    startLine,
    objects: document.objects.map((object) => placeObject(document, object, place)),
    diagnostics: document.problems.map((found) => placeProblem(found, place)),
  };
}

const originAt = ({ line, column }: Position, { file, startLine }: Place): Origin => ({
  file,
  line: startLine + line - 1,
  column,
});

function placeObject(document: ParsedDocument, object: DocumentObject, place: Place): RawObject {
  const { value, prefix } = object;
  const locate = (path: Path): Origin => originAt(place.locate(document.text, [...prefix, ...path]), place);
  if (prefix.length === 0) {
    return { value, origin: originAt(object, place), locate, text: withoutMarker(document.text) };
  }
  return {
    value,
    get origin() {
      return locate([]);
    },
    locate,
    get text() {
      return toYaml(value);
    },
  };
}

const withoutMarker = (text: string): string => (text.startsWith('---\n') ? text.slice(4) : text);

function placeProblem({ line, column, ...found }: DocumentProblem, place: Place): Diagnostic {
  return { ...found, origin: originAt({ line, column }, place) };
}
