// The authority's files under the names of Istio's `cacerts`; written all or none, read only where nobody else can read the keys.
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { type Refusal, refuse } from '../refusal.ts';

export const FILE = {
  root: 'root-cert.pem',
  rootKey: 'root-key.pem',
  certificate: 'ca-cert.pem',
  key: 'ca-key.pem',
  chain: 'cert-chain.pem',
} as const;

export type FileName = (typeof FILE)[keyof typeof FILE];

/** The text of each file; a plugged-in intermediate comes without the root's key. */
export interface AuthorityFiles {
  readonly [FILE.root]: string;
  readonly [FILE.rootKey]?: string;
  readonly [FILE.certificate]: string;
  readonly [FILE.key]: string;
  readonly [FILE.chain]: string;
}

const MAX_FILE_BYTES = 256 * 1024;
const OTHERS = 0o077;
const KEYS: ReadonlySet<string> = new Set([FILE.key, FILE.rootKey]);

/** `undefined` when there is no authority yet: no directory, or an empty one. */
export function readAuthorityFiles(directory: string): Result<AuthorityFiles | undefined> {
  const listed = listDirectory(directory);
  if (!listed.ok) return listed;
  const present = new Set(listed.value);
  if (present.size === 0) return succeed(undefined);
  const root = readFile(directory, FILE.root);
  const certificate = readFile(directory, FILE.certificate);
  const key = readFile(directory, FILE.key);
  const chain = readFile(directory, FILE.chain);
  const rootKey = present.has(FILE.rootKey) ? readFile(directory, FILE.rootKey) : undefined;
  if (!root.ok) return root;
  if (!certificate.ok) return certificate;
  if (!key.ok) return key;
  if (!chain.ok) return chain;
  if (rootKey?.ok === false) return rootKey;
  return succeed({
    [FILE.root]: root.value,
    [FILE.certificate]: certificate.value,
    [FILE.key]: key.value,
    [FILE.chain]: chain.value,
    ...(rootKey === undefined ? {} : { [FILE.rootKey]: rootKey.value }),
  });
}

function listDirectory(directory: string): Result<readonly string[]> {
  try {
    return succeed(fs.readdirSync(directory));
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? succeed([]) : refuse(unreadable(directory, error));
  }
}

/** Permissions are those of the file that is read, not of a name that could change in between. */
function readFile(directory: string, name: FileName): Result<string> {
  const file = path.join(directory, name);
  let descriptor: number | undefined;
  try {
    descriptor = fs.openSync(file, 'r');
    const { mode, size } = fs.fstatSync(descriptor);
    if (KEYS.has(name) && (mode & OTHERS) !== 0) return refuse(tooOpen(file, mode));
    if (size > MAX_FILE_BYTES) return refuse(damaged(file, `larger than ${MAX_FILE_BYTES} bytes`));
    return succeed(fs.readFileSync(descriptor, 'latin1'));
  } catch (error) {
    return refuse(errorCode(error) === 'ENOENT' ? damaged(file, 'missing') : unreadable(file, error));
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor);
  }
}

/** A file that cannot be trusted; there is no way on but the one that keeps the root. */
export const damaged = (file: string, why: string): Refusal => ({
  code: 'damaged-authority',
  message: `the certificate authority's file is ${why}`,
  remedy:
    'restore the directory from a backup; to give up this authority and every certificate it issued, move the whole directory away',
  file,
});

const tooOpen = (file: string, mode: number): Refusal => ({
  code: 'key-permissions-too-open',
  message: `others can read this private key (mode 0${(mode & 0o777).toString(8)})`,
  remedy: `chmod 600 ${path.basename(file)}, and replace the authority if others may have read it`,
  file,
});

const unreadable = (file: string, error: unknown): Refusal => ({
  code: 'authority-unreadable',
  message: `cannot read: ${errorCode(error) ?? 'unknown error'}`,
  remedy: 'give the user of this process read access to the directory and its files',
  file,
});

const errorCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** What became of writing: `exists` when another process was first. */
export type Written = 'written' | 'exists';

/** Writes a sibling directory, flushes it and renames it into place: after a kill there is all of it or nothing. */
export function writeAuthorityFiles(directory: string, files: AuthorityFiles): Result<Written> {
  const parent = path.dirname(path.resolve(directory));
  const prefix = `.${path.basename(path.resolve(directory))}.creating-`;
  let staging: string | undefined;
  try {
    fs.mkdirSync(parent, { recursive: true, mode: 0o700 });
    removeAbandoned(parent, prefix);
    staging = fs.mkdtempSync(path.join(parent, `${prefix}${process.pid}-`));
    for (const [name, text] of Object.entries(files)) writeDurably(path.join(staging, name), text);
    flushDirectory(staging);
    fs.renameSync(staging, directory);
    flushDirectory(parent);
    return succeed('written');
  } catch (error) {
    if (staging !== undefined) fs.rmSync(staging, { recursive: true, force: true });
    const code = errorCode(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return succeed('exists');
    return refuse(unwritable(directory, code));
  }
}

const unwritable = (file: string, code: string | undefined): Refusal => ({
  code: 'authority-unwritable',
  message: `cannot create the certificate authority: ${code ?? 'unknown error'}`,
  remedy:
    code === 'ENOSPC' || code === 'EFBIG' || code === 'EDQUOT'
      ? 'free some space on this disk and start again'
      : 'give the user of this process write access to the parent directory, or name another directory',
  file,
});

/** For writes after the creation. */
export const unwritableAuthority = (directory: string, error: unknown): Refusal =>
  unwritable(directory, errorCode(error));

/** Replaces a file as a whole, mode 0600, and has it on the disk when it returns. Throws what the system says. */
export function replaceFile(file: string, text: string): void {
  const temporary = `${file}.new-${process.pid}`;
  fs.rmSync(temporary, { force: true });
  writeDurably(temporary, text);
  fs.renameSync(temporary, file);
  flushDirectory(path.dirname(file));
}

function writeDurably(file: string, text: string): void {
  const descriptor = fs.openSync(file, 'wx', 0o600);
  try {
    fs.writeFileSync(descriptor, text);
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

function flushDirectory(directory: string): void {
  const descriptor = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Directories of processes that were killed while writing hold keys nobody will use. */
function removeAbandoned(parent: string, prefix: string): void {
  for (const name of fs.readdirSync(parent)) {
    const owner = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : Number.NaN;
    if (Number.isInteger(owner) && owner !== process.pid && !isRunning(owner)) {
      fs.rmSync(path.join(parent, name), { recursive: true, force: true });
    }
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
