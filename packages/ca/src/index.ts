// The public surface of ca.
export type { AuthenticationCall, Authenticator } from './authenticators/authenticator.ts';
export { authenticateCall } from './authenticators/authenticator.ts';
export type { MetricsAccess } from './authenticators/bearer-header.ts';
export { refuseMetrics } from './authenticators/bearer-header.ts';
export type { TokenStore, TokenStoreOptions } from './authenticators/join-tokens.ts';
export { createTokenStore, joinTokenAuthenticator } from './authenticators/join-tokens.ts';
export type { JwtAuthenticatorOptions, VerificationKey } from './authenticators/jwt.ts';
export { jwtAuthenticator, readVerificationKeys } from './authenticators/jwt.ts';
export type { PeerCertificateOptions } from './authenticators/peer-certificate.ts';
export { peerCertificateAuthenticator } from './authenticators/peer-certificate.ts';
export { type TokenDoors, tokenAuthenticators } from './authenticators/token-doors.ts';
export type { ApiServer, TokenReviewOptions } from './authenticators/token-review.ts';
export { reviewWith, tokenReviewAuthenticator } from './authenticators/token-review.ts';
export type { Authority, AuthorityOptions, ServerIssueRequest } from './authority/authority.ts';
export { openAuthority } from './authority/authority.ts';
export type { IssuedCertificate, IssueRequest } from './authority/issuance.ts';
export type { KeyAlgorithm, KeyAndCsr } from './client/key-and-csr.ts';
export { createKeyAndCsr, keyAlgorithms } from './client/key-and-csr.ts';
export type { CertificateRequest, Credential, ReceivedCertificate } from './client/request-certificate.ts';
export { requestCertificate } from './client/request-certificate.ts';
export type { Clock, RandomBytes } from './clock.ts';
export { type IsRevoked, revocationCheck } from './revocation/revocation-check.ts';
export type { Revocable } from './revocation/revoke.ts';
export type { LiveAuthority } from './rotation/live-authority.ts';
export { openLiveAuthority } from './rotation/live-authority.ts';
export type { CertificateOutline } from './rotation/loaded-state.ts';
export type { Rotation, RotationGoal, RotationKind, RotationStage } from './rotation/rotation-plan.ts';
export { nextStage, signsWith } from './rotation/rotation-plan.ts';
export type { AuditEvent, CertificateServiceOptions } from './service/certificate-handler.ts';
export { addCertificateService } from './service/certificate-service.ts';
export type {
  IdentifiedStream,
  IdentifiedStreamOptions,
  StreamFields,
  StreamListener,
} from './service/identified-stream.ts';
export { addIdentifiedStream, decodeFields, encodeFields } from './service/identified-stream.ts';
export type { RateLimit } from './service/rate-limiter.ts';
export type { ServingCertificate, ServingCredentials } from './service/serving-credentials.ts';
export { createServingCredentials } from './service/serving-credentials.ts';
export { openExternalAuthority } from './signer/external-authority.ts';
export type { MeshAuthority } from './signer/mesh-authority.ts';
export type { SignerAddress } from './signer/signer-hook.ts';
export { openSignerHook } from './signer/signer-hook.ts';
export type { SigningThread, SigningThreadOptions } from './signing/signing-thread.ts';
export { openSigningThread } from './signing/signing-thread.ts';
export type { Identity } from './spiffe-id.ts';
export { parseSpiffeId, spiffeId } from './spiffe-id.ts';
export type { FederatedDomain, Federation, ShutOut } from './trust/federation.ts';
export type { ForeignLists, Publication, SpiffeBundle } from './trust/spiffe-bundle.ts';
export {
  publicationKey,
  readSpiffeBundle,
  spiffeBundleLimits,
  spiffeIdsIn,
  writeSpiffeBundle,
} from './trust/spiffe-bundle.ts';
export type { TrustBundle, TrustReport } from './trust/trust-bundle.ts';
export { decodeBundle, encodeReport, FOLLOW_PATH } from './trust/trust-messages.ts';
export type { TrustServiceOptions, TrustSource } from './trust/trust-service.ts';
export { addTrustService } from './trust/trust-service.ts';
export { parseCsr } from './x509/certificate-request.ts';
export type { SubjectKey } from './x509/public-key.ts';
export { acceptPublicKey } from './x509/public-key.ts';
