// What the parts of the app share once everything is built.
import type { TokenStore } from '@xebec/ca';
import type { XdsServer } from '@xebec/xds';
import type { AuditLog } from './audit/audit-log.ts';
import type { Convergence } from './convergence.ts';
import type { OpenFederation } from './federation/open-federation.ts';
import type { KeyFetcher } from './keys/key-fetcher.ts';
import type { Pipeline } from './pipeline.ts';
import type { PolicyServices } from './policy/policy-services.ts';
import type { ProxyRegistry } from './proxies/registry.ts';
import type { WorkloadRegistrations } from './proxies/workload-registrations.ts';
import type { CertificateAuthority } from './serving/authority.ts';
import type { Bootstraps } from './verification/bootstraps.ts';
import type { ObjectHealth } from './verification/object-health.ts';

export interface ControlPlaneContext extends Pipeline {
  readonly xds: XdsServer;
  readonly registry: ProxyRegistry;
  readonly registrations: WorkloadRegistrations;
  readonly convergence: Convergence;
  readonly keys: KeyFetcher;
  readonly policyServices: PolicyServices;
  readonly health: ObjectHealth;
  readonly bootstraps: Bootstraps;
  /** Absent without a certificate authority. */
  readonly tokens: TokenStore | undefined;
  /** Absent without a certificate authority. */
  readonly identities: CertificateAuthority | undefined;
  /** Absent without a certificate authority. */
  readonly openFederation: OpenFederation | undefined;
  /** Absent where nothing is kept. */
  readonly audit: AuditLog | undefined;
  readonly author: string;
  readonly startedAtMs: number;
  readonly version: string;
  readonly isReady: () => boolean;
}
