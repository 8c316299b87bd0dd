// The body of a Secret, decoded.

export interface SecretSpec {
  /** `Opaque`, `kubernetes.io/tls`… */
  readonly type: string;
  /** Decoded from base64; `stringData` wins over `data`, as in Kubernetes. */
  readonly data: Readonly<Record<string, Uint8Array>>;
}
