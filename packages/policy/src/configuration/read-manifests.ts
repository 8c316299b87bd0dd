// The vocabulary of a configuration: that of every mesh and what its manifests declare. Rule: a declaration that contradicts an older one is left out and named; the rest of its manifest counts.

import { istioAttributes } from '../attributes/istio-attributes.ts';
import { makeVocabulary, vocabularyOf } from '../attributes/make-vocabulary.ts';
import type { AttributeDeclaration, Vocabulary } from '../attributes/vocabulary.ts';
import { collectFaults, type Faults } from './faults.ts';
import type { PolicyObject, PolicyObjectOf } from './policy-object.ts';

type Manifest = PolicyObject & PolicyObjectOf<'attributemanifest'>;

export function readManifests(
  manifests: readonly Manifest[],
  note: (object: PolicyObject, faults: Faults) => void,
): Vocabulary {
  const accepted = new Map<string, AttributeDeclaration>();
  const ordered = [...manifests].sort((left, right) => compare(place(left), place(right)));
  for (const manifest of ordered) {
    const faults = collectFaults(manifest.origin);
    for (const declaration of declarationsOf(manifest)) {
      const known = accepted.get(declaration.name);
      const checked = makeVocabulary(known === undefined ? [declaration] : [known, declaration]);
      if (checked.ok) accepted.set(declaration.name, known ?? declaration);
      else faults.adopt([], checked.diagnostics);
    }
    note(manifest, faults);
  }
  return vocabularyOf([...istioAttributes, ...accepted.values()]);
}

const place = ({ namespace, name }: Manifest): string => `${namespace}/${name}`;
const compare = (left: string, right: string): number => (left < right ? -1 : Number(left > right));

function declarationsOf({ spec, origin, namespace, name }: Manifest): readonly AttributeDeclaration[] {
  const from = origin ?? { object: `attributemanifest/${namespace}/${name}` };
  return Object.entries(spec.attributes).map(([attribute, { valueType, description }]) => ({
    name: attribute,
    type: valueType,
    description,
    origin: from,
  }));
}
