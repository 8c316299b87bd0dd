// The body of a rule: which handlers get which instances of which calls (`istio.policy.v1beta1.Rule`).

export interface HeaderOperationTemplate {
  readonly name: string;
  /** Expressions; none for REMOVE. */
  readonly values: readonly string[];
  readonly operation: 'REPLACE' | 'REMOVE' | 'APPEND';
}

export interface RuleAction {
  /** `NAME`, `NAME.NAMESPACE` or `NAME.handler.NAMESPACE`. */
  readonly handler: string;
  readonly instances: readonly string[];
  /** For `NAME.output.FIELD` in header operations; may be empty. */
  readonly name: string;
}

/** Which of the calls that match are reported. */
export interface RuleSampling {
  readonly random?: {
    /** 0 to 100. */
    readonly percent: number;
    /** An expression over the attribute that decides, so that all who see a call decide alike; empty: `request.id`. */
    readonly attribute: string;
    readonly useIndependentRandomness: boolean;
  };
  readonly rateLimit?: {
    readonly samplingDurationMs: number;
    /** So many calls of each time are all taken. */
    readonly maxUnsampledEntries: number;
    /** Then one in so many. */
    readonly samplingRate: number;
  };
}

/** A rule of the root namespace speaks for all services, another for those of its own namespace. */
export interface PolicyRuleSpec {
  /** An expression; empty: every call. */
  readonly match: string;
  readonly actions: readonly RuleAction[];
  readonly requestHeaderOperations: readonly HeaderOperationTemplate[];
  readonly responseHeaderOperations: readonly HeaderOperationTemplate[];
  readonly sampling?: RuleSampling;
  /** What to do when the policy service or the handler does not answer; absent: `close` for checks and quotas, `open` for reports. */
  readonly failurePolicy?: 'open' | 'close';
  /** Of the expressions; absent: Istio's own. */
  readonly language?: 'cel';
}
