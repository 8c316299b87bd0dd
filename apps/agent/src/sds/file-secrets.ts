// Certificates and roots in files of this machine, by Istio's names: `file-cert:CERT~KEY`, `file-root:ROOTS`, `file-root:ROOTS~REVOKED`.
// A secret is served only while it is whole; a new one that is not leaves the old one in force.
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { sep } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { Timers } from '@xebec/supervise';
import { messageOf } from '../problem.ts';
import { encodeCertificate, encodeRoots } from './encode-secret.ts';

export interface FileSecret {
  readonly name: string;
  readonly version: string;
  readonly resource: Any;
}

export interface FileSecretOptions {
  readonly timers: Timers;
  /** Nothing in it is ever served: it holds the keys of the mesh itself. */
  readonly stateDirectory: string;
  /** A secret has come or changed since it was asked for. */
  readonly onChange: (name: string) => void;
  /** Why one cannot be served; once for each reason. */
  readonly onProblem: (name: string, reason: string) => void;
}

export interface FileSecrets extends Disposable {
  /** From now on its files are looked at. */
  follow(name: string): void;
  get(name: string): FileSecret | undefined;
}

const names = /^file-(cert|root):[^~]+(~[^~]+)?$/;
export const isFileSecretName = (name: string): boolean => names.test(name);

/** Files are replaced by renaming, through links: only reading them tells. */
const lookEveryMs = 2_000;
const mostBytes = 4 * 1024 * 1024;

export function openFileSecrets(options: FileSecretOptions): FileSecrets {
  const { timers, onChange, onProblem } = options;
  const followed = new Map<string, FileSecret | undefined>();
  const problems = new Map<string, string>();
  const look = (name: string, isFirst = false): void => {
    try {
      const next = readSecret(name, options.stateDirectory);
      problems.delete(name);
      if (followed.get(name)?.version === next.version) return;
      followed.set(name, next);
      if (!isFirst) onChange(name);
    } catch (error) {
      const reason = messageOf(error);
      if (problems.get(name) === reason) return;
      problems.set(name, reason);
      onProblem(name, reason);
    }
  };
  let timer: Disposable | undefined;
  const lookAgain = (): void => {
    for (const name of followed.keys()) look(name);
    timer = timers.inBackground(lookEveryMs, lookAgain);
  };
  return {
    follow(name) {
      if (followed.has(name)) return;
      followed.set(name, undefined);
      look(name, true);
      timer ??= timers.inBackground(lookEveryMs, lookAgain);
    },
    get: (name) => followed.get(name),
    [Symbol.dispose]: () => timer?.[Symbol.dispose](),
  };
}

function readSecret(name: string, stateDirectory: string): FileSecret {
  const [kind = '', paths = ''] = name.split(/:(.*)/s);
  const [first = '', second] = paths.split('~');
  const read = (path: string): Buffer => readSmall(path, stateDirectory);
  if (kind === 'file-cert') return certificate(name, read(first), read(second ?? ''));
  const roots = first === 'system' ? systemRoots() : read(first);
  return authority(name, roots, second === undefined ? undefined : read(second));
}

function readSmall(path: string, stateDirectory: string): Buffer {
  const real = realpathSync(path);
  if (real.startsWith(realpathSync(stateDirectory) + sep))
    throw new Error(`${path} is one of the mesh's own files`);
  const stat = statSync(real);
  if (!stat.isFile() || stat.size > mostBytes) throw new Error(`${path} is not a file of at most 4 MB`);
  return readFileSync(real);
}

function certificate(name: string, chain: Buffer, key: Buffer): FileSecret {
  if (!new X509Certificate(chain).checkPrivateKey(createPrivateKey(key)))
    throw new Error('the key is not that of the certificate');
  return { name, version: versionOf(chain, key), resource: encodeCertificate(name, chain, key) };
}

function authority(name: string, roots: Buffer, revoked: Buffer | undefined): FileSecret {
  void new X509Certificate(roots);
  if (revoked !== undefined && !revoked.includes('-----BEGIN X509 CRL-----'))
    throw new Error('the revocation list is not PEM');
  return {
    name,
    version: versionOf(roots, revoked),
    resource: encodeRoots(name, roots, revoked && { lists: revoked, of: 'chain' }),
  };
}

const versionOf = (...parts: readonly (Buffer | undefined)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part ?? '').update('\0');
  return hash.digest('hex').slice(0, 16);
};

const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];

/** Those that this machine trusts, else those that come with Node. */
function systemRoots(): Buffer {
  for (const bundle of bundles) {
    try {
      return readFileSync(bundle);
    } catch {
      // The next one.
    }
  }
  return Buffer.from(rootCertificates.join('\n'));
}
