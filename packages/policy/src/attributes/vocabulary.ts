// The names that expressions may use, and their types.
import type { Origin } from '@xebec/std';
import type { ValueType } from './value.ts';

export interface AttributeDeclaration {
  readonly name: string;
  readonly type: ValueType;
  readonly description?: string;
  /** The attributemanifest that declares it; absent for those that every mesh has. */
  readonly origin?: Origin;
}

export interface Vocabulary {
  get(name: string): AttributeDeclaration | undefined;
  names(): Iterable<string>;
}
