// What an adapter is given: the shape of an instance, and when in a call it is used.
import type { AttributeValue, ValueType } from '../attributes/value.ts';

/** `istio.mixer.adapter.model.v1beta1.TemplateVariety`. */
export type TemplateVariety = 'CHECK' | 'REPORT' | 'QUOTA' | 'ATTRIBUTE_GENERATOR' | 'CHECK_WITH_OUTPUT';

/** `value`: of that type; `dynamic`: whatever the expression gives; `map`: names to either; `message`: fields of its own. */
export type FieldType =
  | { readonly kind: 'value'; readonly type: ValueType }
  | { readonly kind: 'dynamic' }
  | { readonly kind: 'map'; readonly of: FieldType }
  | { readonly kind: 'list'; readonly of: FieldType }
  | { readonly kind: 'message'; readonly fields: Readonly<Record<string, FieldType>> };

export interface Template {
  /** `listentry`, `metric` …; a user's template has its resource's name. */
  readonly name: string;
  readonly variety: TemplateVariety;
  readonly fields: Readonly<Record<string, FieldType>>;
  /** What an attribute-producing adapter gives back; bound to attributes by `attributeBindings` (`$out.name`). */
  readonly output?: Readonly<Record<string, ValueType>>;
  /** Of a user's template that came with one: the FileDescriptorSet in base64, with the service of its adapters outside. */
  readonly descriptor?: string;
}

export type InstanceValue =
  | AttributeValue
  | readonly InstanceValue[]
  | { readonly [field: string]: InstanceValue | undefined };

/** An instance with its expressions evaluated for one call. Fields whose expression failed without default are absent. */
export interface Instance {
  readonly template: string;
  /** `NAME.instance.NAMESPACE`, as Mixer calls them. */
  readonly name: string;
  readonly fields: Readonly<Record<string, InstanceValue | undefined>>;
}
