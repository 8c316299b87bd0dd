// LocalImages documents with their places: read by the agent's own reader, found again line by line in the files.
import { dirname, resolve } from 'node:path';
import { type LocalImages, parseLocalImages } from '@xebec/agent';
import { parseDocuments, type RawObject } from '@xebec/config';
import type { Diagnostic } from '@xebec/std';
import { at } from '../admin/json.ts';
import { localGroup } from './local-documents.ts';
import type { SourceText } from './read-documents.ts';

export interface LocalImagesFile {
  readonly file: string;
  readonly images: LocalImages;
}

export interface ReadLocalImages {
  readonly files: readonly LocalImagesFile[];
  readonly diagnostics: readonly Diagnostic[];
}

/** All good LocalImages documents of some files; commands are relative to the file that holds them. */
export function readLocalImages(texts: readonly SourceText[], cwd: string): ReadLocalImages {
  const files: LocalImagesFile[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const { file, text } of texts) {
    const parsed = parseDocuments(text, file);
    diagnostics.push(...parsed.diagnostics);
    for (const raw of parsed.objects.filter(isLocal)) {
      const read = parseLocalImages(raw.value, { file, directory: dirname(resolve(cwd, file)) });
      if (read.ok) files.push({ file, images: read.value });
      else diagnostics.push(...read.diagnostics.map((diagnostic) => placed(diagnostic, raw)));
    }
  }
  return { files, diagnostics };
}

const isLocal = ({ value }: RawObject): boolean => {
  const apiVersion = at(value, 'apiVersion');
  return typeof apiVersion === 'string' && apiVersion.startsWith(localGroup);
};

const placed = (diagnostic: Diagnostic, raw: RawObject): Diagnostic =>
  diagnostic.field === undefined
    ? { ...diagnostic, origin: raw.origin }
    : { ...diagnostic, origin: raw.locate(fieldPath(diagnostic.field)) };

/** `images[0].command` as the keys of a path. */
export const fieldPath = (field: string): readonly (string | number)[] =>
  [...field.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, key]) =>
    index === undefined ? (key ?? '') : Number(index),
  );
