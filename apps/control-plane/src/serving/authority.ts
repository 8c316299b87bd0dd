// The certificate authority with its services: certificates are given out, what to trust is told, and what proxies took is heard.
import {
  type AuditEvent,
  type Authenticator,
  type AuthorityOptions,
  addCertificateService,
  addTrustService,
  createTokenStore,
  joinTokenAuthenticator,
  type MeshAuthority,
  openExternalAuthority,
  openLiveAuthority,
  openSignerHook,
  openSigningThread,
  peerCertificateAuthenticator,
  type SignerAddress,
  type TokenDoors,
  type TokenStore,
  tokenAuthenticators,
} from '@xebec/ca';
import { type Diagnostic, type Result, succeed } from '@xebec/std';
import type { BindOptions, XdsServerOptions } from '@xebec/xds';
import { identifyToken } from './identify-token.ts';
import { TrustReports } from './trust-reports.ts';

export interface CertificateAuthority extends Disposable {
  readonly authority: MeshAuthority;
  readonly tokens: TokenStore;
  /** What connected workloads trust and present. */
  readonly reports: TrustReports;
  readonly addServices: NonNullable<BindOptions['addServices']>;
  /** The identity behind a client certificate. */
  readonly peers: Authenticator;
  /** The identity behind a token, for callers of discovery that have no certificate. */
  readonly identify: NonNullable<XdsServerOptions['authenticate']>;
}

export interface CertificateAuthorityOptions extends TokenDoors {
  readonly onProblem: (diagnostic: Diagnostic) => void;
  readonly directory: string;
  readonly trustDomain: string;
  readonly leafTtlMs?: number;
  /** Signs instead of keys in the directory. */
  readonly signer?: SignerAddress;
  readonly audit: (event: AuditEvent) => void;
}

function open(own: AuthorityOptions, signer: SignerAddress | undefined): Result<MeshAuthority> {
  if (signer === undefined) return openLiveAuthority(own);
  const hook = openSignerHook(signer);
  return hook.ok ? openExternalAuthority(own, hook.value) : hook;
}

export function openCertificateAuthority(options: CertificateAuthorityOptions): Result<CertificateAuthority> {
  const { trustDomain, directory, leafTtlMs } = options;
  const requestSigner = openSigningThread({ onProblem: options.onProblem });
  const opened = open(
    { directory, trustDomain, requestSigner, ...(leafTtlMs === undefined ? {} : { leafTtlMs }) },
    options.signer,
  );
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
      peers: renewal,
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
      [Symbol.dispose]: () => requestSigner[Symbol.dispose](),
    },
    opened.warnings,
  );
}
