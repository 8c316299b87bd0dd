// The body of a Gateway, after defaults.
import type { TextMap } from '../../values/shapes.ts';

/** `namespace`: whose VirtualServices may bind; `*` any, `.` the Gateway's own. */
export interface GatewayHost {
  readonly namespace: string;
  /** Lower case: a name, `*.example.com` or `*`. */
  readonly host: string;
}

export type GatewayProtocol =
  | 'HTTP'
  | 'HTTP2'
  | 'GRPC'
  | 'GRPC-WEB'
  | 'HTTPS'
  | 'MONGO'
  | 'TCP'
  | 'TLS'
  | 'UDP';

export type GatewayTlsMode =
  | 'SIMPLE'
  | 'MUTUAL'
  | 'OPTIONAL_MUTUAL'
  | 'ISTIO_MUTUAL'
  | 'PASSTHROUGH'
  | 'AUTO_PASSTHROUGH';

/** Where a certificate with its key comes from: a Secret as written, or files of the gateway's machine. */
export type GatewayCertificate =
  | { readonly kind: 'secret'; readonly name: string; readonly field: string }
  | { readonly kind: 'files'; readonly certificate: string; readonly key: string; readonly field: string };

/** Where the roots come from that client certificates are checked against. */
export type GatewayAuthority =
  | { readonly kind: 'secret'; readonly name: string; readonly field: string }
  | {
      readonly kind: 'files';
      readonly certificates: string;
      readonly revocations?: string;
      readonly field: string;
    };

/** What a client's certificate must be, beside being signed by a known root. Empty lists ask for nothing. */
export interface ClientChecks {
  readonly subjectAltNames: readonly string[];
  /** SHA-256 of the whole certificate: 64 hexadecimal digits, lower case. */
  readonly certificateHashes: readonly string[];
  /** SHA-256 of its public key information, base64. */
  readonly keyHashes: readonly string[];
}

export interface GatewayTls {
  readonly mode: GatewayTlsMode;
  /** One, or one RSA and one ECDSA; none in modes that have no certificate of their own. */
  readonly certificates: readonly GatewayCertificate[];
  /** Absent with MUTUAL: the roots that belong to the first certificate's Secret. */
  readonly authority?: GatewayAuthority;
  readonly client: ClientChecks;
  /** A client certificate that does not verify is let through and told to the application. */
  readonly isLenient: boolean;
  readonly minVersion?: 'TLSV1_2' | 'TLSV1_3';
  readonly maxVersion?: 'TLSV1_2' | 'TLSV1_3';
  /** Empty: the mesh's own. */
  readonly cipherSuites: readonly string[];
}

export interface GatewayServerSpec {
  readonly name?: string;
  readonly port: {
    /** 0 when `bind` is a socket. */
    readonly number: number;
    readonly name: string;
    readonly protocol: GatewayProtocol;
  };
  /** An IP address or `unix://@NAME` to bind; absent: all addresses. */
  readonly bind?: string;
  readonly hosts: readonly GatewayHost[];
  /** Present on HTTPS and TLS. */
  readonly tls?: GatewayTls;
  /** Plaintext HTTP only: answer 301 to https. */
  readonly httpsRedirect: boolean;
}

export interface GatewaySpec {
  /** Labels of gateway workloads; empty selects all of them. */
  readonly selector: TextMap;
  readonly servers: readonly GatewayServerSpec[];
}
