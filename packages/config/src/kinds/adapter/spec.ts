// The body of an adapter: one outside the policy service, in any language (`istio.mixer.adapter.model.v1beta1.Info`).

export interface AdapterSpec {
  readonly description: string;
  /** Names of templates that it takes instances of. */
  readonly templates: readonly string[];
  readonly isSessionBased: boolean;
  /** A FileDescriptorSet in base64 that describes `params` of its handlers; empty: anything. */
  readonly config: string;
}
