// What a decision depends on, in the words of Mixer's clients: they keep it for calls that are equal in this.
import { create } from '@bufbuild/protobuf';
import type { AttributeReference } from '@xebec/policy';
import {
  ReferencedAttributes_Condition as Condition,
  type ReferencedAttributes,
  ReferencedAttributesSchema,
} from '@xebec/protos/istio/mixer/v1/mixer_pb';
import { WordList } from './words.ts';

export function writeReferences(
  references: readonly AttributeReference[],
  knownWords: number,
): ReferencedAttributes {
  const words = new WordList(knownWords);
  const attributeMatches = references.map(({ name, key, isPresent }) => ({
    $typeName: 'istio.mixer.v1.ReferencedAttributes.AttributeMatch' as const,
    name: words.numberOf(name),
    condition: isPresent ? Condition.EXACT : Condition.ABSENCE,
    regex: '',
    mapKey: key === undefined ? 0 : words.numberOf(key),
  }));
  return create(ReferencedAttributesSchema, { words: words.words, attributeMatches });
}
