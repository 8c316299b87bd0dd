// The authority as the rest sees it, whether it signs itself or has somebody else sign.
import type { Result } from '@xebec/std';
import type { ServerIssueRequest } from '../authority/authority.ts';
import type { IssuedCertificate } from '../authority/issuance.ts';
import type { LiveAuthority } from '../rotation/live-authority.ts';

/** The request as the caller sent it: another signer wants to see it. */
export interface WithRequest {
  readonly csrPem: string;
}

type Eventually<T> = T | Promise<T>;

export interface MeshAuthority extends Omit<LiveAuthority, 'issueServer'> {
  issueServer(request: ServerIssueRequest & WithRequest): Eventually<Result<IssuedCertificate>>;
}
