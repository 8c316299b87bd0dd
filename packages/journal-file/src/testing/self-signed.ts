// A certificate of its own with a name, for tests of signatures.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function selfSigned(uri: string): {
  readonly certificatesPem: string;
  readonly privateKeyPem: string;
} {
  const directory = mkdtempSync(join(tmpdir(), 'self-signed-'));
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'certificate.pem')];
  try {
    const options = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const names = ['-subj', '/', '-addext', `subjectAltName=critical,URI:${uri}`];
    execFileSync('openssl', [...options, ...names, '-keyout', key, '-out', certificate], {
      stdio: 'ignore',
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    return { certificatesPem: readFileSync(certificate, 'utf8'), privateKeyPem: readFileSync(key, 'utf8') };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
