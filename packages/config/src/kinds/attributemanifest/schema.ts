// attributemanifest: names of attributes and their types. Two manifests may say the same of a name; whether they do is checked where the vocabulary is made.
import { andThen, type Decoder, mapOf, oneOf, text } from '../../decode/decoder.ts';
import { object, required, withDefault } from '../../decode/object.ts';
import { emptyMap } from '../../values/plain-map.ts';
import { definePolicyKind } from '../define-policy.ts';
import { checkAttributeName, valueTypes } from '../policy-values.ts';
import type { AttributeDeclarationSpec, AttributeManifestSpec } from './spec.ts';

const declaration: Decoder<AttributeDeclarationSpec> = object({
  valueType: required(oneOf(...valueTypes)),
  description: withDefault(text, ''),
});

const spec: Decoder<AttributeManifestSpec> = andThen(
  object({
    revision: withDefault(text, ''),
    name: withDefault(text, ''),
    attributes: withDefault<Readonly<Record<string, AttributeDeclarationSpec>>>(
      mapOf(declaration, checkAttributeName),
      emptyMap,
    ),
  }),
  ({ name, ...rest }) => ({ ...rest, producer: name }),
);

export const attributeManifestKind = definePolicyKind('attributemanifest', 'attributemanifests', spec);
