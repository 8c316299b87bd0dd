// Another process that signs, with a root of its own: openssl behind a Unix socket.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryFile } from './mesh.ts';

export const hasOpenssl: boolean = spawnSync('openssl', ['version'], { timeout: 20_000 }).status === 0;

export interface ExternalSigner {
  /** For `--ca-signer`. */
  readonly url: string;
  readonly rootFile: string;
  /** Again after `kill`. */
  start(): Promise<void>;
  kill(): void;
}

/** Makes a root in `directory`, puts it where the control plane of `state` looks for it, and starts to sign. */
export async function openExternalSigner(directory: string, state: string): Promise<ExternalSigner> {
  const rootFile = join(directory, 'root.pem');
  const parameters = [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
    ...['-subj', '/CN=Elsewhere', '-keyout', join(directory, 'root.key'), '-out', rootFile],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ];
  const made = spawnSync('openssl', parameters, { timeout: 20_000 });
  if (made.status !== 0) throw new Error(made.stderr.toString());
  mkdirSync(join(state, 'ca'), { recursive: true, mode: 0o700 });
  copyFileSync(rootFile, join(state, 'ca/root-cert.pem'));
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const script = repositoryFile('tests/e2e/apps/signer/signer.mjs');
    child = spawn(process.execPath, [script, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (child.stdout !== null) await once(child.stdout, 'data');
  };
  await start();
  return {
    url: `unix:${join(directory, 'signer.sock')}`,
    rootFile,
    start,
    kill: () => void child?.kill('SIGKILL'),
  };
}
