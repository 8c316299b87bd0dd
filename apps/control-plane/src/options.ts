// What a control plane can be told; every option has a default that works on a laptop.
import type { AuditEvent, MetricsAccess, SignerAddress, TokenDoors } from '@xebec/ca';
import type { AuditSink } from '@xebec/journal-file';
import type { MeshSettings } from '@xebec/mesh';
import type { Diagnostic } from '@xebec/std';
import type { BundleEndpointSettings } from './federation/bundle-endpoint.ts';

export interface ControlPlaneOptions extends TokenDoors {
  /** Holds the journal, the certificate authority and what proxies are known to use. Absent: nothing survives the process. */
  readonly stateDirectory?: string;
  /** Directories or files of YAML that are watched. */
  readonly configDirectories?: readonly string[];
  /** Whether directories are watched at any depth. Default true. */
  readonly isRecursive?: boolean;
  /** Mutual TLS xDS and certificates, `HOST:PORT`. Needs a state directory. */
  readonly xds?: string;
  /** Plaintext xDS, loopback only, `HOST:PORT`. */
  readonly xdsPlaintext?: string;
  /** Metrics and health, `HOST:PORT`. */
  readonly http?: string;
  /** Who may read the metrics; absent: nobody. */
  readonly metricsAccess?: MetricsAccess;
  /** Path of the Unix socket of the admin API. */
  readonly controlSocket?: string;
  readonly settings?: Partial<MeshSettings>;
  /** `eager`: every sidecar gets its whole configuration, also those that ask for it on demand. Default `on-demand`. */
  readonly discovery?: 'on-demand' | 'eager';
  /** Life of workload certificates in milliseconds. Default 24 h. */
  readonly leafTtlMs?: number;
  /** Signs certificates instead of an authority in the state directory, whose `ca/root-cert.pem` then only says what is trusted. */
  readonly signer?: SignerAddress;
  /** Where keys of tokens may be fetched from although it is this machine or in clear text, and how often; default 5 min. */
  readonly jwks?: { readonly allow?: readonly string[]; readonly refreshMs?: number };
  /** Where other meshes get the bundle of this one. Needs a state directory. */
  readonly bundleEndpoint?: BundleEndpointSettings;
  /** Get copies of audit records, beside the files in `audit/control-plane`. */
  readonly auditSinks?: readonly AuditSink[];
  /** Where proxies find the policy service, `HOST:PORT`, instead of where those that follow say they are. */
  readonly policyAddress?: string;
  /** Name of the process that changes are attributed to. */
  readonly author?: string;
  readonly onEvent?: (event: ControlPlaneEvent) => void;
  /** Path of an Envoy to check patched configuration with; asked once. Absent: there is none. */
  readonly locateEnvoy?: () => Promise<string | undefined>;
  /** What happens with patches where there is no Envoy to check them with. Default `apply`. */
  readonly unverifiedPatches?: 'refuse' | 'apply';
  /** For tests: objects whose resources are spoilt before they are sent, so that Envoy refuses them. */
  readonly corrupt?: readonly string[];
}

export type ControlPlaneEvent =
  | {
      readonly kind: 'listening';
      readonly what: 'xds' | 'xds-plaintext' | 'http' | 'admin' | 'bundle';
      readonly address: string;
    }
  /** A certificate was issued or denied. */
  | { readonly kind: 'certificate'; readonly audit: AuditEvent }
  /** The authority's rotation has reached a stage, or is over. */
  | { readonly kind: 'rotation'; readonly stage: string }
  | { readonly kind: 'problem'; readonly diagnostic: Diagnostic }
  | { readonly kind: 'fault'; readonly what: string; readonly error: unknown };

export interface ControlPlaneAddresses {
  readonly xds?: string;
  readonly xdsPlaintext?: string;
  readonly http?: string;
  readonly bundle?: string;
  readonly controlSocket?: string;
}

export interface ControlPlane {
  readonly addresses: ControlPlaneAddresses;
  close(): Promise<void>;
}
