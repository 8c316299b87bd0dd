// Shapes that several kinds share; the words are those of @xebec/model so that mesh copies and never translates.

/** A map of names to texts without a prototype: any key is data. */
export type TextMap = Readonly<Record<string, string>>;

export type StringMatch =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  /** RE2 syntax, checked. */
  | { readonly kind: 'regex'; readonly value: string }
  | { readonly kind: 'present' };

/** `auto`: nothing says what the port speaks. */
export type Protocol =
  | 'http'
  | 'http2'
  | 'grpc'
  | 'grpc-web'
  | 'https'
  | 'tls'
  | 'tcp'
  | 'mongo'
  | 'redis'
  | 'udp'
  | 'auto';

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

/** `*` everybody, `.` the object's own namespace, `~` nobody, or the name of a namespace. Empty: the mesh's default. */
export type ExportTo = readonly string[];

export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

/** Kubernetes' label selector: all parts must hold. */
export interface LabelSelector {
  readonly matchLabels: TextMap;
  readonly matchExpressions: readonly LabelRequirement[];
}
