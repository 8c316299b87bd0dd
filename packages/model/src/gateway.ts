// Gateways: what a router proxy serves, with the route tables bound to it.
import type { Cause } from './reference.ts';
import type { HttpRule } from './route.ts';
import type { ProxyNode } from './workload.ts';

export interface GatewayVirtualHost {
  /** Domain as Envoy matches it: `bookinfo.example`, `*.example`, `*`. */
  readonly domain: string;
  /** Plaintext requests get a 301 to `https://`; then there may be no rules. */
  readonly httpsRedirect: boolean;
  readonly rules: readonly HttpRule[];
  readonly causes: readonly Cause[];
}

export type ServerTls =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'simple';
      /** Name of the SDS resource: `kubernetes://NAMESPACE/NAME`. */
      readonly secret: string;
      readonly minVersion?: 'TLSV1_2' | 'TLSV1_3';
      readonly maxVersion?: 'TLSV1_2' | 'TLSV1_3';
      readonly cipherSuites: readonly string[];
    };

/** One filter chain: all plaintext servers of a port share one, every TLS server has its own. */
export interface GatewayServer {
  /** Istio's route configuration name: `http.80`, or `https.443.PORTNAME.GATEWAY.NAMESPACE`. */
  readonly routeName: string;
  /** SNI names; empty means any. */
  readonly serverNames: readonly string[];
  readonly tls: ServerTls;
  /** Most specific domain first, each domain once; a host that is not among them is a 404. */
  readonly virtualHosts: readonly GatewayVirtualHost[];
  readonly causes: readonly Cause[];
}

export interface GatewayListener {
  /** The port in the Gateway object. */
  readonly port: number;
  /** Where the proxy really listens; differs without the privilege for low ports. */
  readonly bindPort: number;
  readonly bindAddress: string;
  readonly servers: readonly GatewayServer[];
}

/** Everything one router proxy serves. */
export interface GatewayModel {
  readonly proxy: ProxyNode;
  readonly listeners: readonly GatewayListener[];
  readonly causes: readonly Cause[];
}

/** A certificate chain with its key, both PEM. Only proxies of its namespace may have it. */
export interface TlsSecret {
  /** Name of the SDS resource: `kubernetes://NAMESPACE/NAME`. */
  readonly name: string;
  readonly namespace: string;
  readonly certificate: Uint8Array;
  readonly key: Uint8Array;
  readonly causes: readonly Cause[];
}
