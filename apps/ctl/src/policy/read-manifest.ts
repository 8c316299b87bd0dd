// The vocabulary of `xebec policy eval`: attributemanifests out of files, or plain maps of names to types. Rule: as a mesh would have it, so a type that contradicts another is refused.
import { parseDocuments, parseObject, type RawObject } from '@xebec/config';
import { type AttributeDeclaration, isValueType, makeVocabulary, type Vocabulary } from '@xebec/policy';
import { type Diagnostic, fail, type Result } from '@xebec/std';
import { isObject } from '../admin/json.ts';
import type { SourceText } from '../documents/read-documents.ts';

export function readManifests(texts: readonly SourceText[]): Result<Vocabulary> {
  const declarations: AttributeDeclaration[] = [];
  const problems: Diagnostic[] = [];
  for (const { file, text } of texts) {
    const { objects, diagnostics } = parseDocuments(text, file);
    problems.push(...diagnostics);
    for (const raw of objects) {
      const read = isObject(raw.value) && 'kind' in raw.value ? fromManifest(raw) : fromMap(raw);
      if (read.ok) declarations.push(...read.value);
      else problems.push(...read.diagnostics);
    }
  }
  return problems.length > 0 ? fail(...problems) : makeVocabulary(declarations);
}

type Declarations = Result<readonly AttributeDeclaration[]>;

function fromManifest(raw: RawObject): Declarations {
  const parsed = parseObject(raw, { defaultNamespace: 'default' });
  if (!parsed.ok) return parsed;
  if (parsed.value.kind !== 'attributemanifest') return fail(noManifest(raw));
  const declarations = Object.entries(parsed.value.spec.attributes).map(
    ([name, { valueType, description }]) => ({
      name,
      type: valueType,
      description,
      origin: raw.locate(['spec', 'attributes', name]),
    }),
  );
  return { ok: true, value: declarations, warnings: parsed.warnings };
}

/** `{name: TYPE}`, or the same below `attributes`. */
function fromMap(raw: RawObject): Declarations {
  const value =
    isObject(raw.value) && isObject(raw.value['attributes']) ? raw.value['attributes'] : raw.value;
  if (!isObject(value)) return fail(noManifest(raw));
  const declarations: AttributeDeclaration[] = [];
  for (const [name, given] of Object.entries(value)) {
    const type = isObject(given) ? (given['valueType'] ?? given['value_type']) : given;
    if (!isValueType(type)) return fail(noType(raw, name));
    declarations.push({ name, type, origin: raw.locate([name]) });
  }
  return { ok: true, value: declarations, warnings: [] };
}

const noManifest = (raw: RawObject): Diagnostic => ({
  severity: 'error',
  code: 'no-manifest',
  message: 'this declares no attributes',
  remedy: 'write an attributemanifest, or a map of names to types',
  origin: raw.origin,
});

const noType = (raw: RawObject, name: string): Diagnostic => ({
  severity: 'error',
  code: 'attribute-type',
  message: `attribute "${name}" has no type that is known`,
  remedy:
    'write STRING, INT64, DOUBLE, BOOL, TIMESTAMP, DURATION, IP_ADDRESS, EMAIL_ADDRESS, URI, DNS_NAME or STRING_MAP',
  origin: raw.locate([name]),
});
