// Templates of users as protobuf describes them: the FileDescriptorSet that Mixer's generator made of a template's proto.
import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import type { ValueType } from '../attributes/value.ts';
import type { FieldType, TemplateVariety } from './template.ts';

export interface DescribedTemplate {
  readonly variety: TemplateVariety;
  readonly fields: Readonly<Record<string, FieldType>>;
  readonly output: Readonly<Record<string, ValueType>>;
}

export type DescriptorReading =
  | { readonly ok: true; readonly template: DescribedTemplate }
  | { readonly ok: false; readonly problem: string };

const fail = (problem: string): DescriptorReading => ({ ok: false, problem });

/** `descriptor` in base64. */
export function readDescriptor(descriptor: string): DescriptorReading {
  let files: readonly FileDescriptorProto[];
  try {
    const bytes = Uint8Array.from(atob(descriptor), (letter) => letter.charCodeAt(0));
    files = fromBinary(FileDescriptorSetSchema, bytes).file;
  } catch {
    return fail('is not a FileDescriptorSet');
  }
  const found = files.findLast((file) => varietyOf(file) !== undefined && messageOf(file, 'InstanceMsg'));
  const variety = found === undefined ? undefined : varietyOf(found);
  const instance = found === undefined ? undefined : messageOf(found, 'InstanceMsg');
  if (found === undefined || variety === undefined || instance === undefined) {
    return fail('has no file with a template_variety and a message InstanceMsg');
  }
  return describe(variety, instance, found);
}

function describe(
  variety: TemplateVariety,
  instance: DescriptorProto,
  file: FileDescriptorProto,
): DescriptorReading {
  const messages = messagesOf(file);
  const problems: string[] = [];
  const scope: Scope = { messages, problems, depth: 0, budget: { left: mostFields } };
  const fields = fieldsOf(instance, scope);
  const output: Record<string, ValueType> = {};
  for (const [name, type] of Object.entries(outputOf(file, scope))) {
    const valueType = outputType(type);
    if (valueType === undefined) problems.push(`the output ${name} is of a type that no attribute has`);
    else output[name] = valueType;
  }
  const [problem] = problems;
  return problem === undefined ? { ok: true, template: { variety, fields, output } } : fail(problem);
}

const varietyField = 72_295_727;
const varieties: readonly TemplateVariety[] = [
  'CHECK',
  'REPORT',
  'QUOTA',
  'ATTRIBUTE_GENERATOR',
  'CHECK_WITH_OUTPUT',
];

/** An extension of the file's options: `istio.mixer.adapter.model.v1beta1.template_variety`. */
function varietyOf({ options }: FileDescriptorProto): TemplateVariety | undefined {
  const field = options?.$unknown?.findLast(({ no }) => no === varietyField);
  return field === undefined ? undefined : varieties[new BinaryReader(field.data).uint32()];
}

const messageOf = (file: FileDescriptorProto, name: string): DescriptorProto | undefined =>
  file.messageType.find((message) => message.name === name);

/** By full name with a dot in front, as fields name their types. */
function messagesOf(file: FileDescriptorProto): ReadonlyMap<string, DescriptorProto> {
  const messages = new Map<string, DescriptorProto>();
  const add = (prefix: string, list: readonly DescriptorProto[]): void => {
    for (const message of list) {
      const name = `${prefix}.${message.name}`;
      messages.set(name, message);
      add(name, message.nestedType);
    }
  };
  add(file.package === '' ? '' : `.${file.package}`, file.messageType);
  return messages;
}

interface Scope {
  readonly messages: ReadonlyMap<string, DescriptorProto>;
  readonly problems: string[];
  readonly depth: number;
  /** Messages within messages can describe more fields than memory has. */
  readonly budget: { left: number };
}

/** The name of an instance has a number of its own, and is no field. */
const nameField = 72_295_727;
const deepest = 8;
const mostFields = 2_000;

function fieldsOf(message: DescriptorProto, scope: Scope): Record<string, FieldType> {
  const fields: Record<string, FieldType> = {};
  for (const field of message.field) {
    if (field.number === nameField) continue;
    if (scope.budget.left-- <= 0) {
      if (scope.problems.length === 0) scope.problems.push(`has more than ${mostFields} fields`);
      break;
    }
    const type = typeOf(field, scope);
    if (type === undefined) scope.problems.push(`the field ${field.name} is of a type that no instance has`);
    else fields[field.name] = type;
  }
  return fields;
}

const scalars: Readonly<Partial<Record<FieldDescriptorProto_Type, ValueType>>> = {
  [FieldDescriptorProto_Type.STRING]: 'STRING',
  [FieldDescriptorProto_Type.INT64]: 'INT64',
  [FieldDescriptorProto_Type.DOUBLE]: 'DOUBLE',
  [FieldDescriptorProto_Type.BOOL]: 'BOOL',
};

const wellKnown: ReadonlyMap<string, ValueType> = new Map([
  ['.istio.policy.v1beta1.IPAddress', 'IP_ADDRESS'],
  ['.istio.policy.v1beta1.TimeStamp', 'TIMESTAMP'],
  ['.istio.policy.v1beta1.Duration', 'DURATION'],
  ['.istio.policy.v1beta1.DNSName', 'DNS_NAME'],
  ['.istio.policy.v1beta1.EmailAddress', 'EMAIL_ADDRESS'],
  ['.istio.policy.v1beta1.Uri', 'URI'],
]);

function typeOf(field: FieldDescriptorProto, scope: Scope): FieldType | undefined {
  if (scope.depth > deepest) return undefined;
  const type = singleType(field, scope);
  if (type === undefined || field.label !== FieldDescriptorProto_Label.REPEATED) return type;
  return isMapEntry(scope.messages.get(field.typeName)) ? type : { kind: 'list', of: type };
}

function singleType(field: FieldDescriptorProto, scope: Scope): FieldType | undefined {
  const scalar = scalars[field.type] ?? wellKnown.get(field.typeName);
  if (scalar !== undefined) return { kind: 'value', type: scalar };
  if (field.type !== FieldDescriptorProto_Type.MESSAGE) return undefined;
  if (field.typeName === '.istio.policy.v1beta1.Value') return { kind: 'dynamic' };
  const message = scope.messages.get(field.typeName);
  if (message === undefined) return undefined;
  const inner = { ...scope, depth: scope.depth + 1 };
  if (!isMapEntry(message)) return { kind: 'message', fields: fieldsOf(message, inner) };
  const [key, value] = message.field;
  const of = value === undefined ? undefined : typeOf(value, inner);
  const isByText = key?.type === FieldDescriptorProto_Type.STRING;
  return of === undefined || !isByText ? undefined : { kind: 'map', of };
}

const isMapEntry = (message: DescriptorProto | undefined): boolean => message?.options?.mapEntry === true;

function outputOf(file: FileDescriptorProto, scope: Scope): Record<string, FieldType> {
  const message = messageOf(file, 'OutputMsg');
  return message === undefined ? {} : fieldsOf(message, scope);
}

/** A map of texts is one attribute. */
function outputType(type: FieldType): ValueType | undefined {
  if (type.kind === 'value') return type.type;
  const isTextMap = type.kind === 'map' && type.of.kind === 'value' && type.of.type === 'STRING';
  return isTextMap ? 'STRING_MAP' : undefined;
}
