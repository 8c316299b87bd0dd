// The body of a Gateway, after defaults.
import type { TextMap } from '../../values/shapes.ts';

/** `namespace`: whose VirtualServices may bind; `*` any, `.` the Gateway's own. */
export interface GatewayHost {
  readonly namespace: string;
  /** Lower case: a name, `*.example.com` or `*`. */
  readonly host: string;
}

export interface GatewayTls {
  /** A Secret of the gateway workload's namespace, as written. */
  readonly credentialName: string;
  readonly minVersion?: 'TLSV1_2' | 'TLSV1_3';
  readonly maxVersion?: 'TLSV1_2' | 'TLSV1_3';
  /** Empty: the mesh's own. */
  readonly cipherSuites: readonly string[];
}

export interface GatewayServerSpec {
  readonly name?: string;
  readonly port: {
    readonly number: number;
    readonly name: string;
    readonly protocol: 'HTTP' | 'HTTP2' | 'GRPC' | 'HTTPS';
  };
  /** Address to bind; absent: all. */
  readonly bind?: string;
  readonly hosts: readonly GatewayHost[];
  /** Present on HTTPS: mode SIMPLE. */
  readonly tls?: GatewayTls;
  /** HTTP only: answer 301 to https. */
  readonly httpsRedirect: boolean;
}

export interface GatewaySpec {
  /** Labels of gateway workloads; empty selects all of them. */
  readonly selector: TextMap;
  readonly servers: readonly GatewayServerSpec[];
}
