// Who was revoked, on disk (`revocations.json`): single certificates by serial number, and identities that get no other one. A record that cannot be read stops the start: what was revoked must not come back by damage.
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { damaged, replaceFile, unwritableAuthority } from '../authority/authority-files.ts';
import { refuse } from '../refusal.ts';

export interface RevokedCertificate {
  /** Hexadecimal, upper case. */
  readonly serial: string;
  /** Key identifier of who signed it. */
  readonly issuer: string;
  /** Whose it was; empty where that is not known. */
  readonly identity: string;
  /** Milliseconds since the epoch. */
  readonly revokedAtMs: number;
  /** When it would have ended anyway; forgotten afterwards. */
  readonly notAfterMs: number;
}

export interface RevokedIdentity {
  readonly identity: string;
  readonly revokedAtMs: number;
}

export interface Revocations {
  readonly certificates: readonly RevokedCertificate[];
  readonly identities: readonly RevokedIdentity[];
}

export const noRevocations: Revocations = { certificates: [], identities: [] };

const FILE = 'revocations.json';

export function readRevocations(directory: string): Result<Revocations> {
  const file = path.join(directory, FILE);
  if (!fs.existsSync(file)) return succeed(noRevocations);
  const parsed = parse(fs.readFileSync(file, 'utf8'));
  return parsed === undefined ? refuse(damaged(file, 'not the record of revocations')) : succeed(parsed);
}

export function writeRevocations(directory: string, revocations: Revocations): Result<void> {
  const file = path.join(directory, FILE);
  try {
    const isEmpty = revocations.certificates.length + revocations.identities.length === 0;
    if (isEmpty) fs.rmSync(file, { force: true });
    else replaceFile(file, `${JSON.stringify(revocations, undefined, 2)}\n`);
    return succeed(undefined);
  } catch (error) {
    return refuse(unwritableAuthority(directory, error));
  }
}

function parse(text: string): Revocations | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const certificates = listOf(value, 'certificates').map(readCertificate);
    const identities = listOf(value, 'identities').map((each) => ({
      identity: textOf(each, 'identity'),
      revokedAtMs: numberOf(each, 'revokedAtMs'),
    }));
    return { certificates, identities };
  } catch {
    return undefined;
  }
}

const readCertificate = (value: unknown): RevokedCertificate => ({
  serial: textOf(value, 'serial'),
  issuer: textOf(value, 'issuer'),
  identity: textOf(value, 'identity'),
  revokedAtMs: numberOf(value, 'revokedAtMs'),
  notAfterMs: numberOf(value, 'notAfterMs'),
});

/** These throw where something is missing: the whole record is then doubtful. */
function listOf(value: unknown, name: string): readonly unknown[] {
  const found: unknown = Reflect.get(Object(value), name);
  if (!Array.isArray(found)) throw new TypeError(name);
  return found;
}

function textOf(value: unknown, name: string): string {
  const found: unknown = Reflect.get(Object(value), name);
  if (typeof found !== 'string') throw new TypeError(name);
  return found;
}

function numberOf(value: unknown, name: string): number {
  const found: unknown = Reflect.get(Object(value), name);
  if (typeof found !== 'number') throw new TypeError(name);
  return found;
}
