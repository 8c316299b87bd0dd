// template: the shape of instances that adapters of the user's own take.
import { andThen, type Decoder, mapOf, oneOf, quote } from '../../decode/decoder.ts';
import { type Decoded, object, optional, withDefault } from '../../decode/object.ts';
import { type Complaint, refuse, type Walk } from '../../decode/walk.ts';
import { emptyMap } from '../../values/plain-map.ts';
import { definePolicyKind } from '../define-policy.ts';
import { descriptorText } from '../policy-descriptors.ts';
import { valueTypes } from '../policy-values.ts';
import type { TemplateSpec } from './spec.ts';

const fieldTypes = [...valueTypes, 'VALUE'] as const;
const fieldType = oneOf(...fieldTypes, ...fieldTypes.map((type) => `MAP_OF_${type}` as const));

const checkFieldName = (name: string): Complaint | undefined =>
  /^[A-Za-z_]\w{0,127}$/.test(name)
    ? undefined
    : {
        code: 'invalid-name',
        message: `${quote(name)} is not the name of a field`,
        remedy: 'use letters, digits and "_"',
      };

/** Every instance has a field with its own name. */
const checkInstanceField = (name: string): Complaint | undefined =>
  name === 'name'
    ? {
        code: 'invalid-name',
        message: '"name" is the name of the instance, which adapters get in any case',
        remedy: 'call the field otherwise, such as "key"',
      }
    : checkFieldName(name);

const types = (decoder: Decoder<string>, checkName: typeof checkFieldName) =>
  withDefault<Readonly<Record<string, string>>>(mapOf(decoder, checkName, 200), emptyMap);

const shape = {
  descriptor: withDefault(descriptorText, ''),
  variety: optional(oneOf('CHECK', 'REPORT', 'QUOTA', 'ATTRIBUTE_GENERATOR', 'CHECK_WITH_OUTPUT')),
  fields: types(fieldType, checkInstanceField),
  output: types(oneOf(...valueTypes), checkFieldName),
};

const generates = ['ATTRIBUTE_GENERATOR', 'CHECK_WITH_OUTPUT'];

function check(value: Decoded<typeof shape>, walk: Walk): TemplateSpec | undefined {
  const { descriptor, variety, fields, output } = value;
  const isWritten = variety !== undefined || Object.keys(fields).length + Object.keys(output).length > 0;
  if (descriptor !== '' && isWritten) {
    const message = 'descriptor says what the fields are, and so do variety, fields and output';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'descriptor');
  }
  if (descriptor === '' && variety === undefined) {
    const message = 'needs a descriptor, or variety and fields';
    return refuse(walk, { code: 'missing-field', message, remedy: 'add "variety" and "fields"' });
  }
  for (const [place, names] of Object.entries({ fields, output }))
    if (!areDistinct(Object.keys(names), place, walk)) return undefined;
  const hasOutput = Object.keys(output).length > 0;
  if (variety === undefined || generates.includes(variety) === hasOutput) return value;
  const message = hasOutput ? `${variety} gives nothing back` : `${variety} gives back nothing`;
  const remedy = hasOutput ? 'remove it, or use CHECK_WITH_OUTPUT' : 'add "output" with what it gives back';
  return refuse(walk, { code: 'conflicting-fields', message, remedy }, ...(hasOutput ? ['output'] : []));
}

/** Fields of one message of protobuf differ in more than "_" and case. */
function areDistinct(names: readonly string[], place: string, walk: Walk): boolean {
  const known = new Map<string, string>();
  for (const name of names) {
    const plain = name.replaceAll('_', '').toLowerCase();
    const other = known.get(plain);
    known.set(plain, name);
    if (other === undefined) continue;
    const message = `${quote(name)} is too much like ${quote(other)} for a field beside it`;
    refuse(walk, { code: 'invalid-name', message, remedy: 'call one of them otherwise' }, place, name);
    return false;
  }
  return true;
}

const spec: Decoder<TemplateSpec> = andThen(object(shape), check);

export const templateKind = definePolicyKind('template', 'templates', spec);
