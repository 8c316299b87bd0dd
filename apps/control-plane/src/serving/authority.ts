// The certificate authority with its service and the TLS of the xDS port.
import {
  type AuditEvent,
  type Authority,
  addCertificateService,
  createTokenStore,
  joinTokenAuthenticator,
  openAuthority,
  peerCertificateAuthenticator,
  type TokenStore,
} from '@xebec/ca';
import { type Result, succeed } from '@xebec/std';
import type { BindOptions } from '@xebec/xds';

export interface CertificateAuthority {
  readonly authority: Authority;
  readonly tokens: TokenStore;
  readonly addServices: NonNullable<BindOptions['addServices']>;
}

export interface CertificateAuthorityOptions {
  readonly directory: string;
  readonly trustDomain: string;
  readonly leafTtlMs?: number;
  readonly audit: (event: AuditEvent) => void;
}

export function openCertificateAuthority(options: CertificateAuthorityOptions): Result<CertificateAuthority> {
  const { trustDomain, directory, leafTtlMs } = options;
  const opened = openAuthority({ directory, trustDomain, ...(leafTtlMs === undefined ? {} : { leafTtlMs }) });
  if (!opened.ok) return opened;
  const authority = opened.value;
  const tokens = createTokenStore({ trustDomain });
  const authenticators = [
    peerCertificateAuthenticator({ trustDomain, issuers: authority.issuers, clock: Date.now }),
    joinTokenAuthenticator(tokens),
  ];
  return succeed(
    {
      authority,
      tokens,
      addServices: (server) =>
        addCertificateService(server, { authority, authenticators, clock: Date.now, audit: options.audit }),
    },
    opened.warnings,
  );
}
