// Where requests are checked and certificates signed. The rule: who gets which certificate is decided by the caller; here is only arithmetic.
import { type Result, succeed } from '@xebec/std';
import { parseCsr } from '../x509/certificate-request.ts';
import type { SubjectKey } from '../x509/public-key.ts';
import { type LeafDecision, type LeafIssuer, leafWriter, type WriteLeaf } from './leaf.ts';

/** A request and what its certificate will say. */
export interface LeafJob {
  /** PEM; its key is taken, its names are not. */
  readonly csrPem: string;
  readonly decision: LeafDecision;
}

export interface RequestSigner {
  /** The key of a request that proved to hold its private half. */
  check(csrPem: string): Promise<Result<SubjectKey>>;
  /** DER of the certificate. */
  sign(issuer: LeafIssuer, job: LeafJob): Promise<Result<Uint8Array>>;
}

export function signJob(writeLeaf: WriteLeaf, { csrPem, decision }: LeafJob): Result<Uint8Array> {
  const key = parseCsr(csrPem);
  return key.ok ? succeed(writeLeaf(decision, key.value.spki)) : key;
}

/** In the thread that asks. */
export const requestSignerHere: RequestSigner = {
  check: async (csrPem) => parseCsr(csrPem),
  sign: async (issuer, job) => signJob(leafWriter(issuer), job),
};
