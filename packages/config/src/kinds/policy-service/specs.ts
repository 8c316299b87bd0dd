// The bodies of the kinds of config.istio.io/v1alpha2 that configure the policy service (istio.policy.v1beta1, istio.mixer.v1.config.client).
import type { TextMap } from '../../values/shapes.ts';

/** `istio.policy.v1beta1.Handler`: one of `compiledAdapter` and `adapter`. */
export interface HandlerSpec {
  /** An adapter inside the policy service: `denier`. */
  readonly compiledAdapter?: string;
  /** The name of an adapter resource: one outside, called over gRPC. `NAME` or `NAME.NAMESPACE`. */
  readonly adapter?: string;
  /** The adapter's own configuration, read by the adapter. */
  readonly params: unknown;
  readonly connection?: HandlerConnection;
}

export interface HandlerConnection {
  /** `host:port`. */
  readonly address: string;
  readonly timeoutMs?: number;
}

/** `istio.policy.v1beta1.Instance`. */
export interface InstanceSpec {
  readonly compiledTemplate?: string;
  readonly template?: string;
  /** Fields of the template to expressions; nested as the template is. */
  readonly params: unknown;
  /** For attribute-producing adapters: attribute to expression over `$out.`. */
  readonly attributeBindings: TextMap;
}

export interface HeaderOperationTemplate {
  readonly name: string;
  /** Expressions. */
  readonly values: readonly string[];
  readonly operation: 'REPLACE' | 'REMOVE' | 'APPEND';
}

/** `istio.policy.v1beta1.Rule`. A rule of the root namespace speaks for all services, another for those of its own namespace. */
export interface PolicyRuleSpec {
  /** An expression; empty: every call. */
  readonly match: string;
  readonly actions: readonly {
    /** `NAME` or `NAME.NAMESPACE`. */
    readonly handler: string;
    readonly instances: readonly string[];
    /** For `NAME.output.FIELD` in header operations. */
    readonly name: string;
  }[];
  readonly requestHeaderOperations: readonly HeaderOperationTemplate[];
  readonly responseHeaderOperations: readonly HeaderOperationTemplate[];
  readonly sampling?: {
    readonly percent?: number;
    readonly useIndependentRandomness: boolean;
    readonly rateLimit?: {
      readonly maxUnsampledEntries: number;
      readonly samplingRate: number;
      readonly samplingDurationMs: number;
    };
  };
  /** What to do when the policy service or the handler does not answer in time. */
  readonly failurePolicy: 'open' | 'close';
}

/** `istio.policy.v1beta1.AttributeManifest`. */
export interface AttributeManifestSpec {
  readonly revision: string;
  readonly attributes: Readonly<Record<string, { readonly valueType: string; readonly description: string }>>;
}

export interface ServiceReference {
  /** A name, `*` for all of the namespace. */
  readonly name: string;
  /** Empty: that of the binding. */
  readonly namespace: string;
  readonly labels: TextMap;
}

export type TextMatch = { readonly kind: 'exact' | 'prefix' | 'regex'; readonly value: string };

/** `istio.mixer.v1.config.client.QuotaSpec`. */
export interface QuotaSpecSpec {
  readonly rules: readonly {
    /** One of them has to match; none: always. */
    readonly match: readonly Readonly<Record<string, TextMatch>>[];
    readonly quotas: readonly { readonly quota: string; readonly charge: number }[];
  }[];
}

export interface QuotaSpecBindingSpec {
  readonly services: readonly ServiceReference[];
  readonly quotaSpecs: readonly { readonly name: string; readonly namespace: string }[];
}

/** `istio.mixer.v1.config.client.HTTPAPISpec`. */
export interface HttpApiSpecSpec {
  /** Attributes of every request that matches a pattern. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly patterns: readonly {
    readonly attributes: Readonly<Record<string, string | number | boolean>>;
    readonly httpMethod: string;
    readonly uriTemplate?: string;
    readonly regex?: string;
  }[];
  readonly apiKeys: readonly { readonly in: 'query' | 'header' | 'cookie'; readonly name: string }[];
}

export interface HttpApiSpecBindingSpec {
  readonly services: readonly ServiceReference[];
  readonly apiSpecs: readonly { readonly name: string; readonly namespace: string }[];
}

/** `istio.mixer.adapter.model.v1beta1.Info`: an adapter outside. */
export interface AdapterSpec {
  readonly description: string;
  /** Names of templates. */
  readonly templates: readonly string[];
  readonly isSessionBased: boolean;
  /** A FileDescriptorSet in base64 that describes `params`; empty: any. */
  readonly config: string;
}

/** A template of the user's own: a FileDescriptorSet in base64, or `fields` written out. */
export interface TemplateSpec {
  readonly descriptor: string;
  readonly variety: 'CHECK' | 'REPORT' | 'QUOTA' | 'ATTRIBUTE_GENERATOR';
  readonly fields: Readonly<Record<string, string>>;
  readonly output: Readonly<Record<string, string>>;
}
