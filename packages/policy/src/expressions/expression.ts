// An expression of either language, checked against the vocabulary and compiled once.
import type { AttributeReference, AttributeSource, AttributeValue, ValueType } from '../attributes/value.ts';

/** `istio`: the expression language of Mixer; `cel`: the Common Expression Language. */
export type ExpressionLanguage = 'istio' | 'cel';

export type Evaluation =
  | { readonly ok: true; readonly value: AttributeValue }
  | {
      readonly ok: false;
      readonly problem: string;
      /** An attribute that the text names, and that nothing in it stands in for, was absent. */
      readonly isAbsent?: boolean;
      /** Where in the text it went wrong, in UTF-16 units, where that is known. */
      readonly offset?: number;
    };

export interface Expression {
  readonly text: string;
  readonly language: ExpressionLanguage;
  readonly type: ValueType;
  /** Every attribute the text names; `isPresent` says nothing here. */
  readonly mentions: readonly AttributeReference[];
  /** Never throws. */
  evaluate(attributes: AttributeSource): Evaluation;
}
