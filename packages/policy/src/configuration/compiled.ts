// A configuration, compiled: nothing here is looked up by name at call time.

import type {
  ConnectionAuthentication,
  HeaderOperationTemplate,
  PolicyRuleSpec,
  RuleSampling,
} from '@xebec/config';
import type { Origin, Result } from '@xebec/std';
import type { AdapterForm, InferredTypes } from '../adapters/sdk.ts';
import type { ApiSpecs } from '../api-specs/compile-api-specs.ts';
import type { AttributeSource } from '../attributes/value.ts';
import type { Vocabulary } from '../attributes/vocabulary.ts';
import type { Expression, ExpressionLanguage } from '../expressions/expression.ts';
import type { RequestedQuotas } from '../quotas/requests/requested-quotas.ts';
import type { Instance, Template } from '../templates/template.ts';
import type { Phase } from '../templates/variety.ts';
import type { PolicyProblem } from './policy-object.ts';

/** Checks and compiles one expression; diagnostics have the position inside the text. */
export type CompileText = (
  text: string,
  vocabulary: Vocabulary,
  language: ExpressionLanguage,
) => Result<Expression>;

export interface BuiltInstance {
  readonly instance: Instance;
  /** What is missing in it, and why; the fields that failed are absent. */
  readonly faults: readonly string[];
}

/** An attribute that an attribute-producing adapter sets, from its output. */
export interface AttributeBinding {
  readonly attribute: string;
  readonly expression: Expression;
}

export interface CompiledInstance {
  /** `NAME.instance.NAMESPACE`. */
  readonly name: string;
  /** Without kind and namespace: what a quota is asked for by. */
  readonly shortName: string;
  readonly template: Template;
  readonly types: InferredTypes;
  /** Every expression of it, by its field. */
  readonly expressions: ReadonlyMap<string, Expression>;
  readonly bindings: readonly AttributeBinding[];
  build(source: AttributeSource): BuiltInstance;
}

export interface HandlerPlan {
  /** `NAME.handler.NAMESPACE`. */
  readonly name: string;
  readonly namespace: string;
  readonly origin?: Origin;
  readonly adapter: AdapterForm;
  /** What `adapter.parse` gave. */
  readonly config: unknown;
  readonly remote?: RemotePlan;
  readonly timeoutMs?: number;
  readonly instances: ReadonlyMap<string, { readonly template: Template; readonly types: InferredTypes }>;
  /** Equal for handlers that take the same instances. */
  readonly takes: string;
  /** Equal for handlers that may go on as they are. */
  readonly signature: string;
}

export interface RemotePlan {
  readonly name: string;
  readonly address: string;
  readonly authentication?: ConnectionAuthentication;
  readonly isSessionBased: boolean;
  readonly config: string;
}

/** One instance that goes to one handler; `problem`: why it cannot, so that the rule fails where it is asked. */
export interface CompiledAction {
  /** Full name of the handler, as far as it is known. */
  readonly handler: string;
  /** For `ACTION.output.FIELD`; empty: none. */
  readonly name: string;
  readonly phase: Phase;
  readonly instance?: CompiledInstance;
  readonly problem?: string;
}

export interface CompiledHeaderOperation {
  readonly name: string;
  readonly operation: HeaderOperationTemplate['operation'];
  readonly values: readonly Expression[];
}

export interface CompiledRule {
  /** `NAME.rule.NAMESPACE`. */
  readonly name: string;
  readonly namespace: string;
  readonly origin?: Origin;
  /** Where the rule says nothing: `close`, and `open` when all it does is report. */
  readonly failurePolicy: NonNullable<PolicyRuleSpec['failurePolicy']>;
  /** Absent: every call. */
  readonly match?: Expression;
  readonly actions: readonly CompiledAction[];
  readonly requestHeaders: readonly CompiledHeaderOperation[];
  readonly responseHeaders: readonly CompiledHeaderOperation[];
  readonly sampling?: CompiledSampling;
}

export interface CompiledSampling {
  readonly random?: {
    /** 0 to 100. */
    readonly percent: number;
    /** Whose value decides, so that all who see a call decide alike; absent: the request's id. */
    readonly attribute?: Expression;
    readonly useIndependentRandomness: boolean;
  };
  readonly rateLimit?: NonNullable<RuleSampling['rateLimit']>;
}

export interface CompiledPolicy {
  readonly vocabulary: Vocabulary;
  readonly apiSpecs: ApiSpecs;
  /** What requests of proxies take from quotas. */
  readonly requestedQuotas: RequestedQuotas;
  /** Those of the root namespace first, then by name. */
  readonly rules: readonly CompiledRule[];
  /** Those that rules use, by full name. */
  readonly handlers: ReadonlyMap<string, HandlerPlan>;
  readonly problems: readonly PolicyProblem[];
}
