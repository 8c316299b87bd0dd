// The body of a handler: an adapter with its configuration (`istio.policy.v1beta1.Handler`).

/** One of `compiledAdapter` and `adapter`. */
export interface HandlerSpec {
  /** An adapter inside the policy service: `denier`. */
  readonly compiledAdapter?: string;
  /** The name of an adapter resource: one outside, called over gRPC. `NAME` or `NAME.NAMESPACE`. */
  readonly adapter?: string;
  /** The adapter's own configuration, read by the adapter. */
  readonly params: unknown;
  /** Only with `adapter`. */
  readonly connection?: HandlerConnection;
}

export interface HandlerConnection {
  /** `host:port`, or `unix:///path`. */
  readonly address: string;
  readonly timeoutMs?: number;
  /** Absent: plaintext. */
  readonly authentication?: ConnectionAuthentication;
}

/** Files are read by the policy service. */
export type ConnectionAuthentication =
  /** The mesh's own certificate; the adapter must be a workload of the mesh. */
  | { readonly kind: 'mesh'; readonly serverName?: string }
  | {
      readonly kind: 'tls';
      readonly caCertificates: string;
      readonly serverName?: string;
      /** What the file holds is sent with every call, after the prefix. */
      readonly token?: { readonly path: string; readonly header: string; readonly prefix: string };
    }
  | {
      readonly kind: 'mutual';
      readonly privateKey: string;
      readonly clientCertificate: string;
      readonly caCertificates: string;
      readonly serverName?: string;
    };
