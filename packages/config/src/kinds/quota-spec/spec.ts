// The body of a QuotaSpec: which quotas a request takes from, and how much (`istio.mixer.v1.config.client.QuotaSpec`).

export type TextMatch = { readonly kind: 'exact' | 'prefix' | 'regex'; readonly value: string };

export interface QuotaSpecSpec {
  readonly rules: readonly QuotaSpecRule[];
}

export interface QuotaSpecRule {
  /** By attribute, all of one clause. One clause has to match; none: every request does. */
  readonly match: readonly Readonly<Record<string, TextMatch>>[];
  readonly quotas: readonly {
    /** An instance: `NAME`, `NAME.NAMESPACE` or `NAME.instance.NAMESPACE`. */
    readonly quota: string;
    /** Units a request, at least 1. */
    readonly charge: number;
  }[];
}
