// Keys of cookies that the mesh makes: out of one secret in the state directory, so that sessions outlive restarts and every control plane with that secret makes the same.
import { hkdfSync, randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MeshInputs } from '@xebec/mesh';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';

const FILE = 'session-secret';
const secretBytes = 32;

type SessionKey = NonNullable<MeshInputs['sessionKey']>;

/** Without a directory the secret lives as long as the process. A file that is not whole is refused: with another secret everybody would have to log in anew. */
export function openSessionKeys(stateDirectory: string | undefined): Result<SessionKey> {
  const opened =
    stateDirectory === undefined ? succeed(randomBytes(secretBytes)) : readOrMake(stateDirectory);
  if (!opened.ok) return opened;
  const own = opened.value;
  return succeed(
    (name, secret = own) =>
      new Uint8Array(hkdfSync('sha256', secret, 'xebec', `cookies of ${name}`, secretBytes)),
  );
}

function readOrMake(directory: string): Result<Buffer> {
  const file = join(directory, FILE);
  try {
    const written = read(file);
    if (written !== undefined) return written;
    // Whoever is first has made it, whole.
    const next = `${file}.${process.pid}`;
    writeFileSync(next, `${randomBytes(secretBytes).toString('hex')}\n`, { mode: 0o600 });
    try {
      linkSync(next, file);
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    } finally {
      rmSync(next, { force: true });
    }
    return read(file) ?? fail(unusable(file, 'is gone'));
  } catch (error) {
    return fail(unusable(file, error instanceof Error ? error.message : String(error)));
  }
}

function read(file: string): Result<Buffer> | undefined {
  try {
    const text = readFileSync(file, 'latin1').trim();
    return /^[0-9a-f]{64}$/.test(text)
      ? succeed(Buffer.from(text, 'hex'))
      : fail(unusable(file, 'is not whole'));
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

const unusable = (file: string, why: string): Diagnostic => ({
  severity: 'error',
  code: 'session-secret-unusable',
  message: `the secret that sessions of browsers are kept with, ${file}, ${why}`,
  remedy:
    'restore it, or delete it: then a new one is made, and everybody who is logged in has to log in anew',
});
