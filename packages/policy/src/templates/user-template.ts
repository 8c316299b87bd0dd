// Reads templates of users: fields by name and type, or a descriptor.
import { quote, suggestion } from '@xebec/config/decode';
import { isValueType, valueTypes } from '../attributes/attribute-json.ts';
import type { ValueType } from '../attributes/value.ts';
import { collectFaults, type Faults } from '../configuration/faults.ts';
import type { PolicyObjectOf } from '../configuration/policy-object.ts';
import { type DescribedTemplate, readDescriptor } from './descriptor.ts';
import type { FieldType, Template } from './template.ts';

const mapOf = 'MAP_OF_';
const simpleNames = [...valueTypes, 'VALUE'];
const typeNames = [...simpleNames, ...simpleNames.map((name) => `${mapOf}${name}`)];

/** A type's name: one of the value types, `VALUE` for any, `MAP_OF_` with one of these for names to them. */
export function fieldTypeOf(written: string): FieldType | undefined {
  if (written.startsWith(mapOf)) {
    const of = simpleTypeOf(written.slice(mapOf.length));
    return of === undefined ? undefined : { kind: 'map', of };
  }
  return simpleTypeOf(written);
}

function simpleTypeOf(written: string): FieldType | undefined {
  if (written === 'VALUE') return { kind: 'dynamic' };
  return isValueType(written) ? { kind: 'value', type: written } : undefined;
}

export function readTemplate(object: PolicyObjectOf<'template'>): {
  readonly template?: Template;
  readonly faults: Faults;
} {
  const faults = collectFaults(object.origin);
  const described = object.spec.descriptor === '' ? writtenOut(object, faults) : inDescriptor(object, faults);
  if (described === undefined || faults.hasErrors) return { faults };
  const { variety, fields, output } = described;
  const hasOutput = Object.keys(output).length > 0;
  const template: Template = {
    name: object.name,
    variety: variety === 'CHECK' && hasOutput ? 'CHECK_WITH_OUTPUT' : variety,
    fields,
    ...(hasOutput ? { output } : {}),
    ...(object.spec.descriptor === '' ? {} : { descriptor: object.spec.descriptor }),
  };
  return { template, faults };
}

function inDescriptor(object: PolicyObjectOf<'template'>, faults: Faults): DescribedTemplate | undefined {
  const reading = readDescriptor(object.spec.descriptor);
  if (reading.ok) return reading.template;
  const remedy = 'generate it from the proto of the template, or write "fields"';
  faults.add(['spec', 'descriptor'], { code: 'invalid-descriptor', message: reading.problem, remedy });
  return undefined;
}

function writtenOut(object: PolicyObjectOf<'template'>, faults: Faults): DescribedTemplate {
  const fields: Record<string, FieldType> = {};
  for (const [name, written] of Object.entries(object.spec.fields)) {
    const type = fieldTypeOf(written);
    if (type === undefined) refuseType(written, ['spec', 'fields', name], faults);
    else fields[name] = type;
  }
  return { variety: object.spec.variety ?? 'CHECK', fields, output: readOutput(object, faults) };
}

function readOutput({ spec }: PolicyObjectOf<'template'>, faults: Faults): Record<string, ValueType> {
  const output: Record<string, ValueType> = {};
  for (const [name, written] of Object.entries(spec.output)) {
    if (isValueType(written)) output[name] = written;
    else refuseType(written, ['spec', 'output', name], faults);
  }
  return output;
}

function refuseType(written: string, path: readonly string[], faults: Faults): void {
  const message = `${quote(written)} is not a type`;
  faults.add(path, { code: 'unknown-value', message, remedy: suggestion(written, typeNames) });
}
