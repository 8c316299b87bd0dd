// The tree that Go's grammar gives to an expression, before anything is known of attributes.

export type GoExpression =
  | { readonly kind: 'name'; readonly name: string; readonly offset: number }
  | {
      readonly kind: 'literal';
      readonly literal: 'integer' | 'float' | 'imaginary' | 'character' | 'string';
      readonly text: string;
      readonly offset: number;
    }
  | {
      readonly kind: 'unary';
      readonly operator: string;
      readonly operand: GoExpression;
      readonly offset: number;
    }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: GoExpression;
      readonly right: GoExpression;
      readonly offset: number;
    }
  | {
      readonly kind: 'call';
      readonly callee: GoExpression;
      readonly operands: readonly GoExpression[];
      readonly offset: number;
    }
  | { readonly kind: 'parenthesized'; readonly inner: GoExpression; readonly offset: number }
  | {
      readonly kind: 'selector';
      readonly target: GoExpression;
      readonly name: string;
      readonly offset: number;
    }
  | {
      readonly kind: 'index';
      readonly target: GoExpression;
      readonly index: GoExpression;
      readonly offset: number;
    }
  /** What Go allows and this language has no use for. */
  | { readonly kind: 'other'; readonly what: string; readonly offset: number };
