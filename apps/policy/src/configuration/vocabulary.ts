// The attributes of the configuration in force: those of every mesh, and what manifests add.
import { type AttributeDeclaration, istioVocabulary, makeVocabulary, type Vocabulary } from '@xebec/policy';
import type { Configuration } from './configuration.ts';

/** A name that two manifests give different types has the type of the first by key; writes have been refused before. */
export function vocabularyIn({ objects }: Pick<Configuration, 'objects'>): Vocabulary {
  const declarations = new Map<string, AttributeDeclaration>();
  for (const [key, object] of [...objects].sort(([left], [right]) => (left < right ? -1 : 1))) {
    if (object.kind !== 'attributemanifest') continue;
    for (const [name, { valueType, description }] of Object.entries(object.spec.attributes)) {
      const known = istioVocabulary.get(name) ?? declarations.get(name);
      if (known === undefined)
        declarations.set(name, { name, type: valueType, description, origin: { object: key } });
    }
  }
  const made = makeVocabulary(declarations.values());
  return made.ok ? made.value : istioVocabulary;
}
