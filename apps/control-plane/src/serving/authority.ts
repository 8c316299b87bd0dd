// The certificate authority with its services: certificates are given out, what to trust is told, and what proxies took is heard.
import {
  type AuditEvent,
  addCertificateService,
  addTrustService,
  createTokenStore,
  joinTokenAuthenticator,
  type LiveAuthority,
  openLiveAuthority,
  peerCertificateAuthenticator,
  type TokenStore,
} from '@xebec/ca';
import { type Diagnostic, type Result, succeed } from '@xebec/std';
import type { BindOptions, XdsServerOptions } from '@xebec/xds';
import { identifyToken } from './identify-token.ts';
import { type TokenDoors, tokenAuthenticators } from './token-authenticators.ts';
import { TrustReports } from './trust-reports.ts';

export interface CertificateAuthority {
  readonly authority: LiveAuthority;
  readonly tokens: TokenStore;
  /** What connected workloads trust and present. */
  readonly reports: TrustReports;
  readonly addServices: NonNullable<BindOptions['addServices']>;
  /** The identity behind a token, for callers of discovery that have no certificate. */
  readonly identify: NonNullable<XdsServerOptions['authenticate']>;
}

export interface CertificateAuthorityOptions extends TokenDoors {
  readonly onProblem: (diagnostic: Diagnostic) => void;
  readonly directory: string;
  readonly trustDomain: string;
  readonly leafTtlMs?: number;
  readonly audit: (event: AuditEvent) => void;
}

export function openCertificateAuthority(options: CertificateAuthorityOptions): Result<CertificateAuthority> {
  const { trustDomain, directory, leafTtlMs } = options;
  const opened = openLiveAuthority({
    directory,
    trustDomain,
    ...(leafTtlMs === undefined ? {} : { leafTtlMs }),
  });
  if (!opened.ok) return opened;
  const authority = opened.value;
  const tokens = createTokenStore({ trustDomain });
  const reports = new TrustReports();
  const renewal = peerCertificateAuthenticator({
    trustDomain,
    get issuers() {
      return authority.issuers;
    },
    clock: Date.now,
    isRevoked: (serial) => authority.isRevoked({ serial }),
  });
  const doors = tokenAuthenticators(trustDomain, options, options.onProblem);
  if (!doors.ok) return doors;
  const ofTokens = [joinTokenAuthenticator(tokens), ...doors.value];
  const authenticators = [renewal, ...ofTokens];
  return succeed(
    {
      authority,
      tokens,
      identify: (token) => identifyToken(ofTokens, token),
      reports,
      addServices: (server) => {
        addCertificateService(server, { authority, authenticators, clock: Date.now, audit: options.audit });
        addTrustService(server, {
          authenticator: renewal,
          source: authority,
          onReport: (report, identity) => reports.take(report, identity),
          onGone: (node) => reports.drop(node),
        });
      },
    },
    opened.warnings,
  );
}
