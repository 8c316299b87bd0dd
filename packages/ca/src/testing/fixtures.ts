// What the tests of this package share: temporary authorities, and the openssl command as an oracle we did not write.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { formatDiagnostic, type Result } from '@xebec/std';
import { type Authority, type AuthorityOptions, openAuthority } from '../authority/authority.ts';
import type { IssuedCertificate } from '../authority/issuance.ts';
import { createKeyAndCsr, type KeyAndCsr } from '../client/key-and-csr.ts';
import { parseCsr } from '../x509/certificate-request.ts';

export const hasOpenssl: boolean =
  spawnSync('openssl', ['version'], { timeout: 30_000, killSignal: 'SIGKILL' }).status === 0;

/** Standard output of a command that must succeed. */
export function openssl(args: readonly string[], input?: string | Uint8Array): Buffer {
  const { status, stdout, stderr } = spawnSync('openssl', args, {
    input,
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr.toString()}`);
  return stdout;
}

/** A directory that the caller removes through `using`. */
export function temporaryDirectory(): { readonly path: string } & Disposable {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'xebec-ca-'));
  return {
    path: directory,
    [Symbol.dispose]: () => fs.rmSync(directory, { recursive: true, force: true }),
  };
}

/** The value of a result that must be one. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.diagnostics.map(formatDiagnostic).join('\n'));
}

/** The code of the first diagnostic; `ok` where there is a value. */
export const codeOf = (result: Result<unknown>): string =>
  result.ok ? 'ok' : (result.diagnostics[0]?.code ?? 'none');

/** A fresh authority for `cluster.local` below `directory`. */
export function openTestAuthority(
  directory: string,
  options: Partial<Omit<AuthorityOptions, 'directory'>> = {},
): Authority {
  return unwrap(
    openAuthority({ trustDomain: 'cluster.local', directory: path.join(directory, 'ca'), ...options }),
  );
}

/** A new key, its request, and the certificate the authority issues for it. */
export async function enrol(
  authority: Authority,
  spiffeId: string,
  ttlMs?: number,
): Promise<KeyAndCsr & IssuedCertificate> {
  const keyAndCsr = unwrap(await createKeyAndCsr(spiffeId));
  const publicKey = unwrap(parseCsr(keyAndCsr.csrPem));
  const request = { publicKey, spiffeId, ...(ttlMs === undefined ? {} : { ttlMs }) };
  const issued = unwrap(
    authority.issueServer({ ...request, dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] }),
  );
  return { ...keyAndCsr, ...issued };
}
