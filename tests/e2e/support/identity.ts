// Certificates of the mesh's workloads, as its agent gets them.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { createKeyAndCsr, type KeyAlgorithm, requestCertificate } from '@xebec/ca';
import type { Result } from '@xebec/std';
import { type Mesh, textAt } from './mesh.ts';

export interface Credentials {
  readonly rootsPem: string;
  readonly certificatesPem: string;
  readonly privateKeyPem: string;
}

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  return result.value;
}

export interface CredentialsOptions {
  readonly namespace?: string;
  readonly algorithm?: KeyAlgorithm;
}

/** A certificate of a service account. */
export async function credentialsOf(
  mesh: Mesh,
  serviceAccount: string,
  { namespace = 'default', algorithm }: CredentialsOptions = {},
): Promise<Credentials> {
  const rootsPem = readFileSync(join(mesh.state, 'ca/root-cert.pem'), 'utf8');
  const run: unknown = JSON.parse(readFileSync(join(mesh.state, 'run/mesh.json'), 'utf8'));
  const trustDomain = textAt(await mesh.admin('/v1/ca'), 'trustDomain') ?? 'cluster.local';
  const id = `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
  const { csrPem, privateKeyPem } = unwrap(await createKeyAndCsr(id, algorithm));
  const issued = await requestCertificate({
    address: textAt(run, 'xds') ?? '',
    serverName: 'localhost',
    rootsPem: [rootsPem],
    credential: { kind: 'token', token: await joinToken(mesh, serviceAccount, namespace) },
    csrPem,
    deadlineMs: 10_000,
  });
  return { rootsPem, certificatesPem: unwrap(issued).certificatesPem, privateKeyPem };
}

export function joinToken(
  { state }: Pick<Mesh, 'state'>,
  serviceAccount: string,
  namespace: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath: join(state, 'run/control.sock'),
        path: '/v1/tokens',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve(textAt(JSON.parse(text), 'token') ?? ''));
      },
    );
    call.on('error', reject).end(JSON.stringify({ namespace, serviceAccount }));
  });
}
