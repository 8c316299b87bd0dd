// The vocabulary of a mesh: the attributes that every mesh has, and those that manifests add. Rule: a name has one type; who says otherwise is told who said it first.
import { type Diagnostic, fail, formatOrigin, type Result, succeed } from '@xebec/std';
import { istioAttributes } from './istio-attributes.ts';
import type { AttributeDeclaration, Vocabulary } from './vocabulary.ts';

/** What every mesh has, and nothing else. */
export const istioVocabulary: Vocabulary = vocabularyOf(istioAttributes);

/** The attributes of every mesh and the ones declared. Saying again what is known is no error. */
export function makeVocabulary(declarations: Iterable<AttributeDeclaration>): Result<Vocabulary> {
  const known = new Map(istioAttributes.map((one) => [one.name, one]));
  const diagnostics: Diagnostic[] = [];
  for (const declaration of declarations) {
    const other = known.get(declaration.name);
    if (other === undefined) known.set(declaration.name, declaration);
    else if (other.type !== declaration.type) diagnostics.push(twoTypes(declaration, other));
  }
  return diagnostics.length > 0 ? fail(...diagnostics) : succeed(vocabularyOf([...known.values()]));
}

/** A vocabulary of these and no others. */
export function vocabularyOf(declarations: readonly AttributeDeclaration[]): Vocabulary {
  const byName = new Map(declarations.map((one) => [one.name, one]));
  return { get: (name) => byName.get(name), names: () => byName.keys() };
}

function twoTypes(declaration: AttributeDeclaration, other: AttributeDeclaration): Diagnostic {
  const { name, type, origin } = declaration;
  const first = other.origin === undefined ? 'the attributes of every mesh' : formatOrigin(other.origin);
  const second = origin === undefined ? '' : ` by ${formatOrigin(origin)}`;
  return {
    severity: 'error',
    code: 'attribute-two-types',
    message: `attribute "${name}" is declared ${type}${second}, and ${other.type} by ${first}`,
    remedy: 'declare it with one type, or under another name',
    field: `spec.attributes[${JSON.stringify(name)}]`,
    ...(origin === undefined ? {} : { origin }),
  };
}
