// What is wrong with an HTTPAPISpec besides its form: attributes that there are not, or of another type.

import type { AttributeLiterals } from '@xebec/config';
import { quote } from '@xebec/config/decode';
import { isOf } from '../api-specs/compile-api-specs.ts';
import type { Vocabulary } from '../attributes/vocabulary.ts';
import { collectFaults, type Faults } from './faults.ts';
import type { PolicyObjectOf } from './policy-object.ts';

export function checkApiSpec(object: PolicyObjectOf<'HTTPAPISpec'>, vocabulary: Vocabulary): Faults {
  const faults = collectFaults(object.origin);
  const { attributes, patterns } = object.spec;
  checkLiterals(attributes, ['spec', 'attributes'], { vocabulary, faults });
  patterns.forEach((pattern, index) => {
    checkLiterals(pattern.attributes, ['spec', 'patterns', index, 'attributes'], { vocabulary, faults });
  });
  return faults;
}

interface Scope {
  readonly vocabulary: Vocabulary;
  readonly faults: Faults;
}

function checkLiterals(
  literals: AttributeLiterals,
  path: readonly (string | number)[],
  { vocabulary, faults }: Scope,
): void {
  for (const [name, literal] of Object.entries(literals)) {
    const declared = vocabulary.get(name);
    const place = [...path, 'attributes', name];
    if (declared === undefined) {
      const message = `there is no attribute ${quote(name)}`;
      const remedy = 'declare it in an attributemanifest, or give another';
      faults.add(place, { code: 'unknown-attribute', message, remedy });
    } else if (!isOf(declared.type, literal)) {
      const message = `${quote(name)} is ${declared.type}, the value is ${literal.type}`;
      faults.add(place, { code: 'wrong-type', message, remedy: `give it a value of ${declared.type}` });
    }
  }
}
