// The body of an instance: what adapters are told of a call (`istio.policy.v1beta1.Instance`).
import type { TextMap } from '../../values/shapes.ts';

/** One of `compiledTemplate` and `template`. */
export interface InstanceSpec {
  readonly compiledTemplate?: string;
  /** The name of a template resource. */
  readonly template?: string;
  /** Fields of the template to expressions; nested as the template is. */
  readonly params: unknown;
  /** For attribute-producing adapters: attribute to expression over `$out.`. */
  readonly attributeBindings: TextMap;
  /** Of the expressions; absent: Istio's own. */
  readonly language?: 'cel';
}
