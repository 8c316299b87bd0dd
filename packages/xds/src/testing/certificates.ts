// Throw-away certificates for tests, made by the openssl command where there is one.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const hasOpenssl = (): boolean =>
  spawnSync('openssl', ['version'], { timeout: 30_000, killSignal: 'SIGKILL' }).status === 0;

export interface TestCertificate {
  readonly certificateChain: string;
  readonly privateKey: string;
}

export interface TestAuthority extends Disposable {
  readonly root: string;
  issue(subjectAltName: string): TestCertificate;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function createTestAuthority(): TestAuthority {
  const directory = mkdtempSync(join(tmpdir(), 'xds-tls-'));
  const file = (name: string): string => join(directory, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
  };
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-subj',
    '/O=test',
    '-days',
    '1',
  );
  let last = 0;
  return {
    root: readFileSync(file('ca.pem'), 'utf8'),
    issue(subjectAltName) {
      const name = `leaf${++last}`;
      writeFileSync(file(`${name}.ext`), `subjectAltName=${subjectAltName}\n`);
      openssl(
        'req',
        ...newKey,
        '-keyout',
        file(`${name}.key`),
        '-out',
        file(`${name}.csr`),
        '-subj',
        '/O=leaf',
      );
      const signing = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '1'];
      const extensions = ['-extfile', file(`${name}.ext`)];
      openssl(
        'x509',
        '-req',
        '-in',
        file(`${name}.csr`),
        ...signing,
        ...extensions,
        '-out',
        file(`${name}.pem`),
      );
      return {
        certificateChain: readFileSync(file(`${name}.pem`), 'utf8'),
        privateKey: readFileSync(file(`${name}.key`), 'utf8'),
      };
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
