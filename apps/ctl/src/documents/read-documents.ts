// Reads what -f names: files, directories (their YAML files, not below), standard input; with the names errors will show.
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { Cli } from '../cli.ts';
import { problem } from '../output/diagnostics.ts';

export interface SourceText {
  /** As people know it: relative to the working directory when below it. */
  readonly file: string;
  readonly text: string;
}

/** A larger input is a mistake, not a configuration. */
const largestBytes = 64 * 1024 * 1024;

/** Tests of policies are no manifests. */
const isYamlFile = (name: string): boolean =>
  /\.(ya?ml|json)$/.test(name) && !/\.test\.ya?ml$/.test(name) && !name.startsWith('.');

/** A pipe among manifests would be waited for; a name that leads nowhere is told as such. */
const isPlainFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() !== false;

/** All texts of all names, in the order given; a directory in the order of its names. */
export async function readDocuments(
  cli: Cli,
  names: readonly string[],
): Promise<Result<readonly SourceText[]>> {
  const texts: SourceText[] = [];
  const problems: Diagnostic[] = [];
  for (const name of names) {
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(name)) {
      problems.push(noUrls(name));
      continue;
    }
    const read = name === '-' ? await readStandardInput(cli) : readPath(cli.cwd, name);
    if (read.ok) texts.push(...read.value);
    else problems.push(...read.diagnostics);
  }
  return problems.length > 0 ? fail(...problems) : succeed(texts);
}

async function readStandardInput(cli: Cli): Promise<Result<readonly SourceText[]>> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of cli.stdin) {
    const bytes = Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece));
    length += bytes.length;
    if (length > largestBytes) return fail(tooLarge('standard input'));
    pieces.push(bytes);
  }
  return succeed([{ file: '<stdin>', text: Buffer.concat(pieces).toString('utf8') }]);
}

function readPath(cwd: string, name: string): Result<readonly SourceText[]> {
  const path = resolve(cwd, name);
  try {
    if (!statSync(path).isDirectory()) return readFile(cwd, path);
    const files = readdirSync(path)
      .filter((file) => isYamlFile(file) && isPlainFile(join(path, file)))
      .sort();
    if (files.length === 0) return fail(noManifests(name));
    const texts = files.map((file) => readFile(cwd, join(path, file)));
    const refused = texts.filter((text) => !text.ok);
    if (refused.length > 0) return fail(...refused.flatMap(({ diagnostics }) => diagnostics));
    return succeed(texts.flatMap((text) => (text.ok ? text.value : [])));
  } catch (error) {
    return fail(unreadable(name, error));
  }
}

function readFile(cwd: string, path: string): Result<readonly SourceText[]> {
  const file = displayName(cwd, path);
  try {
    const text = readBounded(path);
    return text === undefined ? fail(tooLarge(file)) : succeed([{ file, text }]);
  } catch (error) {
    return fail(unreadable(file, error));
  }
}

/** Also of what has no size, such as a pipe or a device; undefined when it is too large. */
function readBounded(path: string): string | undefined {
  const file = openSync(path, 'r');
  try {
    if (fstatSync(file).size > largestBytes) return undefined;
    const pieces: Buffer[] = [];
    for (let length = 0; length <= largestBytes; ) {
      const piece = Buffer.allocUnsafe(1024 * 1024);
      const read = readSync(file, piece);
      if (read === 0) return Buffer.concat(pieces).toString('utf8');
      pieces.push(piece.subarray(0, read));
      length += read;
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** Relative when below the working directory, absolute otherwise. */
export function displayName(cwd: string, path: string): string {
  const below = relative(cwd, path);
  return below === '' || below.startsWith('..') || isAbsolute(below) ? path : below;
}

const noManifests = (name: string): Diagnostic =>
  problem(
    'no-manifests',
    `${name} holds no .yaml, .yml or .json file`,
    'name the directory that does, or a file',
  );

const noUrls = (name: string): Diagnostic =>
  problem(
    'url-not-read',
    `${name} is a URL: manifests are not fetched, because nobody would see what they are`,
    'fetch it yourself, look at it, and name the file (or pass it on standard input with -)',
  );

const tooLarge = (name: string): Diagnostic =>
  problem('input-too-large', `${name} is larger than 64 MB`, 'split it into several files');

function unreadable(name: string, error: unknown): Diagnostic {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return problem('file-not-found', `${name} does not exist`, 'check the path');
  if (code === 'EACCES')
    return problem('file-not-readable', `${name} may not be read`, 'check its permissions');
  return problem(
    'file-not-readable',
    `${name} cannot be read: ${error instanceof Error ? error.message : error}`,
  );
}
