// An agent's half of getting a certificate: the key is made here, and only its public half leaves in the request.
import { generateKeyPair, type KeyPairKeyObjectResult } from 'node:crypto';
import { promisify } from 'node:util';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { parseSpiffeId } from '../spiffe-id.ts';
import { writeCsr } from '../x509/certificate-request.ts';
import { signerFor } from '../x509/signature-algorithm.ts';

export const keyAlgorithms = ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'] as const;

export type KeyAlgorithm = (typeof keyAlgorithms)[number];

export interface KeyAndCsr {
  /** PKCS#8. */
  readonly privateKeyPem: string;
  readonly csrPem: string;
}

const generate = promisify(generateKeyPair);

/** A new key and the request for `spiffeId` that it signed. */
export async function createKeyAndCsr(
  spiffeId: string,
  algorithm: KeyAlgorithm = 'ecdsa-p256',
): Promise<Result<KeyAndCsr>> {
  const parsed = parseSpiffeId(spiffeId);
  if (!parsed.ok) return parsed;
  const { privateKey, publicKey } = await newKeyPair(algorithm);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return succeed({
    privateKeyPem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    csrPem: writeCsr(spki, spiffeId, signerFor(privateKey)),
  });
}

function newKeyPair(algorithm: KeyAlgorithm): Promise<KeyPairKeyObjectResult> {
  switch (algorithm) {
    case 'ecdsa-p256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'ecdsa-p384':
      return generate('ec', { namedCurve: 'P-384' });
    case 'rsa-2048':
    case 'rsa-3072':
    case 'rsa-4096':
      return generate('rsa', { modulusLength: Number(algorithm.slice('rsa-'.length)) });
  }
}
