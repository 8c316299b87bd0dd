// Reads the examples of the kinds' folders, and what their last lines expect of them.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { provideDescriptors } from '@xebec/protos';
import { type Diagnostic, formatOrigin } from '@xebec/std';
import { parseObject } from '../object/parse-object.ts';
import { parseDocuments } from '../yaml/parse-documents.ts';

provideDescriptors(() =>
  readFileSync(fileURLToPath(import.meta.resolve('@xebec/protos/descriptors/envoy.binpb'))),
);

const kindsFolder = join(dirname(fileURLToPath(import.meta.url)), '..', 'kinds');

export interface Example {
  readonly kind: string;
  readonly file: string;
  readonly path: string;
  readonly text: string;
}

/** All example files of one sort, from every kind's folder. */
export function listExamples(sort: 'valid' | 'invalid'): Example[] {
  const folders = readdirSync(kindsFolder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.flatMap(({ name: kind }) => {
    const folder = join(kindsFolder, kind, 'examples', sort);
    const files = readdirSync(folder).filter((file) => !file.endsWith('.spec.yaml'));
    return files.map((file) => {
      const path = join(folder, file);
      return { kind, file, path, text: readFileSync(path, 'utf8') };
    });
  });
}

/** Every error and warning of a file, one line each. */
export function findings({ text, file }: Pick<Example, 'text' | 'file'>): string[] {
  const parsed = parseDocuments(text, file);
  const results = parsed.objects.map((raw) => parseObject(raw, { defaultNamespace: 'default' }));
  const all = results.flatMap((result) => (result.ok ? result.warnings : result.diagnostics));
  return [...parsed.diagnostics, ...all].map(shorten);
}

/** `12:7 error spec.hosts[0] invalid-host`. */
const shorten = ({ origin = {}, severity, field = '-', code }: Diagnostic): string =>
  `${formatOrigin(origin).replace(/^[^:]*:/, '')} ${severity} ${field} ${code}`;

/** The expected lines: comments `# expect …` at the end of the file. */
export const expectations = (text: string): string[] =>
  [...text.matchAll(/^# expect (.*)$/gm)].map((found) => found[1] ?? '');
