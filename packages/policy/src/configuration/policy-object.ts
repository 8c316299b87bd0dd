// The objects that a policy engine is made from: one configuration is a set of these.
import type {
  AdapterSpec,
  AttributeManifestSpec,
  HandlerSpec,
  HttpApiSpecBindingSpec,
  HttpApiSpecSpec,
  InstanceSpec,
  PolicyRuleSpec,
  QuotaPlanSpec,
  QuotaPoolSpec,
  QuotaSpecBindingSpec,
  QuotaSpecSpec,
  TemplateSpec,
} from '@xebec/config';
import type { Diagnostic, Origin } from '@xebec/std';
import type { ExpressionLanguage } from '../expressions/expression.ts';

/** The kinds that the engine reads, with their bodies. */
export interface PolicySpecs {
  readonly handler: HandlerSpec;
  readonly instance: InstanceSpec;
  readonly rule: PolicyRuleSpec;
  readonly attributemanifest: AttributeManifestSpec;
  readonly adapter: AdapterSpec;
  readonly template: TemplateSpec;
  readonly HTTPAPISpec: HttpApiSpecSpec;
  readonly HTTPAPISpecBinding: HttpApiSpecBindingSpec;
  readonly QuotaSpec: QuotaSpecSpec;
  readonly QuotaSpecBinding: QuotaSpecBindingSpec;
  readonly QuotaPool: QuotaPoolSpec;
  readonly QuotaPlan: QuotaPlanSpec;
}

export type PolicyKind = keyof PolicySpecs;

export interface PolicyObjectOf<Kind extends PolicyKind> {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly spec: PolicySpecs[Kind];
  /** Of its expressions; absent: `istio`. Objects say it by the annotation `policy.istio.io/lang`. */
  readonly language?: ExpressionLanguage;
  readonly origin?: Origin;
}

export type PolicyObject = { [Kind in PolicyKind]: PolicyObjectOf<Kind> }[PolicyKind];

/** `handler/NAMESPACE/NAME`. */
export type PolicyObjectKey = `${PolicyKind}/${string}/${string}`;

export const policyObjectKey = (object: PolicyObject): PolicyObjectKey =>
  `${object.kind}/${object.namespace}/${object.name}`;

/** Something is wrong with one object. `diagnostic.field` starts at the object: `spec.match`. */
export interface PolicyProblem {
  readonly object: PolicyObjectKey;
  readonly diagnostic: Diagnostic;
}
