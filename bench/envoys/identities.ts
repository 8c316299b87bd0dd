// Certificates for the sidecars of the benchmark, from an authority of its own below the work directory.
import { join } from 'node:path';
import { type Authority, createKeyAndCsr, openAuthority, parseCsr } from '@xebec/ca';
import { formatDiagnostic, type Result } from '@xebec/std';

export interface Identity {
  readonly certificatesPem: string;
  readonly privateKeyPem: string;
  readonly rootsPem: string;
}

export interface Identities {
  issue(namespace: string, serviceAccount: string): Promise<Identity>;
}

export function openIdentities(workDirectory: string): Identities {
  const authority: Authority = unwrap(
    openAuthority({ directory: join(workDirectory, 'authority'), trustDomain: 'cluster.local' }),
  );
  return {
    async issue(namespace, serviceAccount) {
      const spiffeId = `spiffe://cluster.local/ns/${namespace}/sa/${serviceAccount}`;
      const { privateKeyPem, csrPem } = unwrap(await createKeyAndCsr(spiffeId));
      const { certificatesPem } = unwrap(authority.issue({ publicKey: unwrap(parseCsr(csrPem)), spiffeId }));
      return { certificatesPem, privateKeyPem, rootsPem: authority.rootsPem.join('') };
    },
  };
}

function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.diagnostics.map(formatDiagnostic).join('\n'));
}
