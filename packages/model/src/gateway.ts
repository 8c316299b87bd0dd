// What a gateway proxy serves: Gateway objects merged per port, with the routes bound to them.

import type { Authentication } from './authentication.ts';
import type { Authorization } from './authorization.ts';
import type { ConnectionDestination } from './connection.ts';
import type { BrowserLogin } from './login.ts';
import type { OutsideChecks } from './outside.ts';
import type { Cause } from './reference.ts';
import type { HttpRule } from './route.ts';
import type { TlsSecret } from './secret.ts';
import type { ProxyNode } from './workload.ts';

export interface GatewayVirtualHost {
  /** As Envoy matches it: `bookinfo.example`, `*.example`, `*`. */
  readonly domain: string;
  /** Plaintext requests get a 301 to `https://`; then there may be no rules. */
  readonly httpsRedirect: boolean;
  readonly rules: readonly HttpRule[];
  readonly causes: readonly Cause[];
}

/** By its SDS name: one that the control plane sends, or files that the proxy's agent reads. */
export interface SecretReference {
  readonly from: 'control-plane' | 'agent';
  readonly name: TlsSecret['name'];
}

/** What a client's certificate must be, beside being signed by a known root. Empty lists ask for nothing. */
export interface ClientChecks {
  readonly subjectAltNames: readonly string[];
  /** SHA-256, hexadecimal. */
  readonly certificateHashes: readonly string[];
  /** SHA-256 of the public key information, base64. */
  readonly keyHashes: readonly string[];
}

export interface TlsLimits {
  readonly minVersion?: 'TLSV1_2' | 'TLSV1_3';
  readonly maxVersion?: 'TLSV1_2' | 'TLSV1_3';
  /** Empty: the mesh's own. */
  readonly cipherSuites: readonly string[];
}

export type ServerTls =
  | { readonly kind: 'none' }
  /** TLS goes on to the destination: the gateway only reads the server name. */
  | { readonly kind: 'passthrough' }
  /** Mutual TLS of the mesh, with the gateway's own identity. Empty names accept every identity of the trust domain. */
  | ({ readonly kind: 'mesh'; readonly subjectAltNames: readonly string[] } & TlsLimits)
  | ({
      readonly kind: 'certificate';
      readonly certificates: readonly SecretReference[];
      /** Absent: no client certificate is asked for. */
      readonly client?: ClientChecks & {
        readonly isRequired: boolean;
        readonly authority: SecretReference;
        /** One that does not verify is let through all the same. */
        readonly isLenient: boolean;
      };
    } & TlsLimits);

export type GatewayTraffic =
  | {
      readonly kind: 'http';
      /** Istio's route configuration name: `http.80`, or `https.443.PORTNAME.GATEWAY.NAMESPACE`. */
      readonly routeName: string;
      /** Most specific domain first, each domain once; a host that is not among them is a 404. */
      readonly virtualHosts: readonly GatewayVirtualHost[];
      /** Browsers' gRPC-Web is translated to gRPC. */
      readonly isGrpcWeb: boolean;
    }
  | {
      readonly kind: 'connection';
      readonly protocol: 'tcp' | 'mongo';
      /** At least one with a share. */
      readonly destinations: readonly ConnectionDestination[];
      /** Some destination's port does not say what it speaks: its sidecar must be told that this is not HTTP. */
      readonly isUndeclared: boolean;
      /** The server name is the host to connect to, at this port: a destination is found by the names of its clients. */
      readonly namedPort?: number;
    }
  /** Each client address is a session of its own with one endpoint; the only server of its listener. */
  | { readonly kind: 'datagrams'; readonly destination: ConnectionDestination }
  /** Clients name the destination by its server name: `outbound_.PORT_.SUBSET_.HOST`, with HOST among these. */
  | { readonly kind: 'named-by-client'; readonly hosts: readonly string[] };

/**
 * One filter chain: all plaintext HTTP servers of a port share one, every TLS server has its own, and where
 * connections are routed every match of a rule has one.
 */
export interface GatewayServer {
  /** SNI names; empty means any. */
  readonly serverNames: readonly string[];
  /** Addresses and blocks that clients connect to; empty means any. */
  readonly subnets: readonly string[];
  readonly tls: ServerTls;
  readonly traffic: GatewayTraffic;
  readonly causes: readonly Cause[];
}

export interface GatewayListener {
  /** The port in the Gateway object. */
  readonly port: number;
  /** Where the proxy really listens; differs without the privilege for low ports. */
  readonly bindPort: number;
  /** An IP address, or `@NAME`: a Unix socket without a file. */
  readonly bindAddress: string;
  readonly servers: readonly GatewayServer[];
}

/** Everything one router proxy serves. */
export interface GatewayModel {
  readonly proxy: ProxyNode;
  /** Before anything else is asked of whoever calls. */
  readonly logins?: readonly BrowserLogin[];
  readonly authentication: Authentication;
  readonly authorization: Authorization;
  readonly listeners: readonly GatewayListener[];
  /** What is enforced for services that its routes lead to and that have no proxy; by host, absent: nothing. */
  readonly outside?: readonly OutsideChecks[];
  /** Some server lets clients name the destination: the proxy needs the clusters for it. */
  readonly isNamedByClients: boolean;
  readonly causes: readonly Cause[];
}
