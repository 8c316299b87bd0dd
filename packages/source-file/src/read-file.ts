// One file as documents with keys. A read that somebody wrote into is repeated, within a second.
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import {
  decodeText,
  type ObjectKey,
  type ParsedFile,
  parseDocuments,
  parseObject,
  type RawObject,
} from '@xebec/config';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { identify } from '@xebec/store';
import { unreadable } from './problems.ts';
import { stampOf } from './walk.ts';

/** What a file holds; `isWhole` is false when some of it could not be read, so that absence means nothing. */
export interface FileContent {
  readonly path: string;
  readonly stamp: string;
  readonly parsed: ParsedFile;
  readonly isWhole: boolean;
  /** In order; an object written twice is there twice. */
  readonly objects: readonly { readonly key: ObjectKey; readonly raw: RawObject }[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface ReadOptions {
  readonly defaultNamespace: string;
  readonly previous?: FileContent;
}

const nothing: ParsedFile = { objects: [], diagnostics: [], documents: [] };

/** Never throws: what is wrong with the file is in its diagnostics. */
export async function readConfigFile(path: string, options: ReadOptions): Promise<FileContent> {
  try {
    const { bytes, stamp } = await readStable(path);
    const text = decodeText(bytes, path);
    if (text.ok) return parseText(path, { stamp, text: text.value }, options);
    return broken(path, { stamp, diagnostics: text.diagnostics }, options);
  } catch (error) {
    return broken(path, { stamp: '', diagnostics: [unreadable(path, error)] }, options);
  }
}

const attempts = 20;
const pauseMs = 50;

async function readStable(path: string): Promise<{ readonly bytes: Buffer; readonly stamp: string }> {
  for (let attempt = 1; ; attempt++) {
    const file = await open(path, 'r');
    try {
      const read = await readOnce(file);
      if (read.ok || attempt === attempts) return read;
    } finally {
      await file.close();
    }
    await delay(pauseMs);
  }
}

async function readOnce(file: FileHandle) {
  const before = stampOf(await file.stat({ bigint: true }));
  const bytes = await file.readFile();
  const stamp = stampOf(await file.stat({ bigint: true }));
  return { ok: before === stamp, bytes, stamp };
}

/** Nothing of the file counts as gone; what can be reused at the next reading is kept. */
function broken(
  path: string,
  found: Pick<FileContent, 'stamp' | 'diagnostics'>,
  { previous }: ReadOptions,
): FileContent {
  return { path, ...found, parsed: previous?.parsed ?? nothing, isWhole: false, objects: [] };
}

interface ReadText {
  readonly stamp: string;
  readonly text: string;
}

function parseText(path: string, { stamp, text }: ReadText, options: ReadOptions): FileContent {
  const { previous, defaultNamespace } = options;
  const parsed = parseDocuments(text, path, previous?.parsed);
  const found = parsed.objects.filter(isForStore).map((raw) => ({ raw, key: keyOf(raw, defaultNamespace) }));
  return {
    ...{ path, stamp, parsed },
    isWhole: !parsed.diagnostics.some(({ severity }) => severity === 'error'),
    objects: found.flatMap(({ raw, key }) => (key.ok ? [{ raw, key: key.value }] : [])),
    diagnostics: [...parsed.diagnostics, ...found.flatMap(({ key }) => (key.ok ? [] : key.diagnostics))],
  };
}

function keyOf(raw: RawObject, defaultNamespace: string): Result<ObjectKey> {
  const key = identify(raw, defaultNamespace);
  if (key !== undefined) return succeed(key);
  const parsed = parseObject(raw, { defaultNamespace });
  if (!parsed.ok) return parsed;
  const message = 'the document does not say what it is';
  return fail({ severity: 'error', code: 'unidentified-object', message, origin: raw.origin });
}

/** The map of images to local commands is for the agent. */
function isForStore({ value }: RawObject): boolean {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('apiVersion' in value))
    return true;
  return value.kind !== 'LocalImages' || value.apiVersion !== 'local.xebec.io/v1alpha1';
}
