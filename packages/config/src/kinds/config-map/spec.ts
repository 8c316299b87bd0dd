// The body of a ConfigMap. Only the one named `istio` of the root namespace has a meaning: the mesh's settings.
import type { ExportTo, TextMap } from '../../values/shapes.ts';
import type { TextPattern } from '../authorization-policy/spec.ts';
import type { ConnectionPool, LocalitySetting } from '../destination-rule/spec.ts';
import type { ProxyLaunch } from '../proxy-config/spec.ts';
import type { RetrySpec } from '../virtual-service/spec.ts';

/** Who stands before every gateway, and is believed. */
export interface GatewayTopologySpec {
  readonly trustedProxies: number;
  readonly forwardClientCert:
    | 'SANITIZE'
    | 'FORWARD_ONLY'
    | 'APPEND_FORWARD'
    | 'SANITIZE_SET'
    | 'ALWAYS_FORWARD_ONLY';
  readonly isProxyProtocol: boolean;
}

/**
 * The form in which paths are compared and go on: `BASE` resolves dots and writes what needs no `%` without it;
 * `MERGE_SLASHES` also makes several slashes one; `DECODE_AND_MERGE_SLASHES` takes `%2f` and `%5c` for slashes, too.
 */
export type PathNormalization = 'NONE' | 'BASE' | 'MERGE_SLASHES' | 'DECODE_AND_MERGE_SLASHES';

/** A service that is asked about calls: ext_authz over HTTP or gRPC. */
export interface ExtensionProviderSpec {
  readonly name: string;
  readonly protocol: 'http' | 'grpc';
  /** With a namespace the host must be of it. */
  readonly service: { readonly namespace?: string; readonly host: string };
  readonly port: number;
  readonly timeoutMs: number;
  /** Calls are let pass when the provider does not answer. */
  readonly failOpen: boolean;
  /** After it has allowed a request, its route is looked for anew. */
  readonly clearRouteCache: boolean;
  /** Absent: 403. */
  readonly statusOnError?: number;
  readonly body?: {
    readonly maxRequestBytes: number;
    readonly allowPartialMessage: boolean;
    readonly packAsBytes: boolean;
  };
  /** Over HTTP only. */
  readonly http?: {
    readonly pathPrefix: string;
    readonly requestHeaders: readonly TextPattern[];
    readonly additionalHeaders: TextMap;
    readonly headersToUpstreamOnAllow: readonly TextPattern[];
    readonly headersToDownstreamOnDeny: readonly TextPattern[];
    readonly headersToDownstreamOnAllow: readonly TextPattern[];
  };
}

/** Istio's MeshConfig, as far as it is followed. What is absent stays as the control plane was started. */
export interface MeshConfigSpec {
  readonly outboundTrafficPolicy?: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  /** `none`: no access log. */
  readonly accessLogEncoding?: 'text' | 'json' | 'none';
  /** Envoy's command operators; for JSON an object of them. */
  readonly accessLogFormat?: string;
  /** Of all clusters, where a DestinationRule says nothing else. */
  readonly connectionPool: Pick<ConnectionPool, 'connectTimeoutMs' | 'tcpKeepalive' | 'h2UpgradePolicy'>;
  readonly defaultRetry?: RetrySpec;
  readonly localityLbSetting?: LocalitySetting;
  readonly defaultServiceExportTo?: ExportTo;
  readonly defaultVirtualServiceExportTo?: ExportTo;
  readonly defaultDestinationRuleExportTo?: ExportTo;
  /** Mutual TLS wherever the endpoint's sidecar takes it, without being asked for. */
  readonly enableAutoMtls?: boolean;
  readonly gatewayTopology?: GatewayTopologySpec;
  /** How proxies are started. */
  readonly proxyLaunch?: ProxyLaunch;
  readonly pathNormalization?: PathNormalization;
  /** Those that can be asked about calls. */
  readonly extensionProviders?: readonly ExtensionProviderSpec[];
  /** Other names of the trust domain: identities of theirs are taken like its own. */
  readonly trustDomainAliases?: readonly string[];
  /** Where keys of tokens may be fetched from although it is this machine or in clear text. */
  readonly jwksAllow?: readonly string[];
  readonly caCertificates?: readonly ForeignRootsSpec[];
}

/** Roots of another mesh. */
export type ForeignRootsSpec =
  | {
      readonly kind: 'written';
      /** Certificates. */
      readonly pem: string;
      /** Whom they prove; at least one. */
      readonly trustDomains: readonly string[];
    }
  /** A SPIFFE bundle, asked for over HTTPS. */
  | {
      readonly kind: 'fetched';
      readonly url: string;
      /** One. */
      readonly trustDomains: readonly string[];
      /** Absent: a certificate of the web answers there (`https_web`); else this identity (`https_spiffe`). */
      readonly endpoint?: { readonly id: string; readonly firstPem: string };
    };

/** Where clients in other networks find the endpoints of a network. */
export type NetworkGatewaySpec =
  | { readonly kind: 'address'; readonly address: string; readonly port: number }
  /** A service of the mesh, at its port of this number. */
  | { readonly kind: 'service'; readonly host: string; readonly port: number };

export interface MeshNetworkSpec {
  /** Blocks of addresses of its endpoints. */
  readonly blocks: readonly string[];
  /** Everything of this mesh that nothing else says a network of is in it. */
  readonly isDefault: boolean;
  readonly gateways: readonly NetworkGatewaySpec[];
}

export interface ConfigMapSpec {
  readonly data: TextMap;
  /** The value of the key `mesh` of a ConfigMap named `istio`. */
  readonly mesh?: MeshConfigSpec;
  /** The value of its key `meshNetworks`, by name of the network. */
  readonly meshNetworks?: Readonly<Record<string, MeshNetworkSpec>>;
}
