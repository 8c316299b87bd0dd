// The protobuf file of a template that is written out: the service its adapters outside implement and the messages they get. Rule: fields have their numbers in the order in which they are written, so that a new one at the end changes no other.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import type { ValueType } from '../attributes/value.ts';
import type { FieldType, Template } from './template.ts';

const model = 'istio/mixer/adapter/model/v1beta1';
const imports = [
  'google/protobuf/any.proto',
  `${model}/check.proto`,
  `${model}/quota.proto`,
  `${model}/report.proto`,
  'istio/policy/v1beta1/type.proto',
  'istio/policy/v1beta1/value_type.proto',
];
const modelPackage = '.istio.mixer.adapter.model.v1beta1';
const typePackage = '.istio.policy.v1beta1';
/** Of the name of an instance, as Mixer numbered it. */
const nameNumber = 72_295_727;

/** `my-lookup` is the package `my_lookup`, with `HandleMyLookupService`. */
export const packageOf = (template: string): string => template.replaceAll(/[^A-Za-z0-9]+/g, '_');
const capital = (template: string): string =>
  packageOf(template)
    .split('_')
    .map((part) => `${part.slice(0, 1).toUpperCase()}${part.slice(1)}`)
    .join('');

/** Throws with what is wrong where a field is of a type that no message can have. */
export function templateProto(template: Template): FileDescriptorProto {
  const title = capital(template.name);
  const prefix = packageOf(template.name);
  const { input, output } = messagesOf(template, { title, prefix });
  return create(FileDescriptorProtoSchema, {
    name: `${prefix}.proto`,
    package: prefix,
    syntax: 'proto3',
    dependency: imports,
    service: [
      {
        name: `Handle${title}Service`,
        method: [{ name: `Handle${title}`, inputType: input.type, outputType: output.type }],
      },
    ],
    messageType: [
      input.message,
      ...output.messages,
      messageOf(prefix, 'InstanceMsg', instanceFields(template)),
      messageOf(prefix, 'Type', typeFields(template)),
    ],
  });
}

type MessageFields = readonly FieldParts[];

interface FieldParts {
  readonly name: string;
  readonly number: number;
  readonly type: Type;
  readonly typeName?: string;
  readonly isRepeated?: boolean;
  /** Of a map: what it leads to. */
  readonly mapOf?: { readonly type: Type; readonly typeName?: string };
  /** Whether it can be told from one that was not written. */
  readonly isOptional?: boolean;
}

const messageField = (name: string, number: number, typeName: string): FieldParts => ({
  ...{ name, number, typeName },
  type: Type.MESSAGE,
});

function messagesOf(
  { variety, output = {} }: Template,
  { title, prefix }: { readonly title: string; readonly prefix: string },
) {
  const inside = (name: string): string => `.${prefix}.${name}`;
  const isReport = variety === 'REPORT';
  const instance = {
    ...messageField(isReport ? 'instances' : 'instance', 1, inside('InstanceMsg')),
    isRepeated: isReport,
  };
  const request = [
    instance,
    messageField('adapter_config', 2, '.google.protobuf.Any'),
    { name: 'dedup_id', number: 3, type: Type.STRING },
    ...(variety === 'QUOTA' ? [messageField('quota_request', 4, `${modelPackage}.QuotaRequest`)] : []),
  ];
  const input = {
    type: inside(`Handle${title}Request`),
    message: messageOf(prefix, `Handle${title}Request`, request),
  };
  const result = { REPORT: 'ReportResult', QUOTA: 'QuotaResult', CHECK: 'CheckResult' } as const;
  if (variety !== 'ATTRIBUTE_GENERATOR' && variety !== 'CHECK_WITH_OUTPUT')
    return { input, output: { type: `${modelPackage}.${result[variety]}`, messages: [] } };
  const name = `Handle${title}Response`;
  const checked =
    variety === 'CHECK_WITH_OUTPUT' ? [messageField('result', 1, `${modelPackage}.CheckResult`)] : [];
  const place = messageField('output', checked.length + 1, inside('OutputMsg'));
  const response = messageOf(prefix, name, [...checked, place]);
  const fields = Object.entries(output).map(([field, type], index) => ({
    ...fieldOf(field, index + 1, { kind: 'value', type }),
    isOptional: type !== 'STRING_MAP',
  }));
  return {
    input,
    output: { type: inside(name), messages: [response, messageOf(prefix, 'OutputMsg', fields)] },
  };
}

const instanceFields = ({ fields }: Template): MessageFields => [
  ...Object.entries(fields).map(([name, type], index) => fieldOf(name, index + 1, type)),
  { name: 'name', number: nameNumber, type: Type.STRING },
];

/** What the expressions of an instance were found to give: of its dynamic fields only. */
const typeFields = ({ fields }: Template): MessageFields =>
  Object.entries(fields).flatMap(([name, type], index): MessageFields => {
    const valueType = { type: Type.ENUM, typeName: `${typePackage}.ValueType` };
    if (type.kind === 'dynamic') return [{ name, number: index + 1, ...valueType }];
    const isMap = type.kind === 'map' && type.of.kind === 'dynamic';
    return isMap ? [{ name, number: index + 1, type: Type.MESSAGE, mapOf: valueType }] : [];
  });

const scalars: Readonly<Partial<Record<ValueType, Type>>> = {
  STRING: Type.STRING,
  INT64: Type.INT64,
  DOUBLE: Type.DOUBLE,
  BOOL: Type.BOOL,
};

const messages: Readonly<Partial<Record<ValueType, string>>> = {
  TIMESTAMP: 'TimeStamp',
  DURATION: 'Duration',
  IP_ADDRESS: 'IPAddress',
  EMAIL_ADDRESS: 'EmailAddress',
  URI: 'Uri',
  DNS_NAME: 'DNSName',
};

function fieldOf(name: string, number: number, type: FieldType): FieldParts {
  if (type.kind === 'map') return { name, number, type: Type.MESSAGE, mapOf: single(name, type.of) };
  if (type.kind === 'value' && type.type === 'STRING_MAP')
    return { name, number, type: Type.MESSAGE, mapOf: { type: Type.STRING } };
  return { name, number, ...single(name, type) };
}

function single(name: string, type: FieldType): { readonly type: Type; readonly typeName?: string } {
  if (type.kind === 'dynamic') return { type: Type.MESSAGE, typeName: `${typePackage}.Value` };
  const scalar = type.kind === 'value' ? scalars[type.type] : undefined;
  if (scalar !== undefined) return { type: scalar };
  const message = type.kind === 'value' ? messages[type.type] : undefined;
  if (message !== undefined) return { type: Type.MESSAGE, typeName: `${typePackage}.${message}` };
  throw new Error(`the field ${name} is of a type that no message of protobuf has`);
}

function messageOf(prefix: string, name: string, fields: MessageFields): DescriptorProto {
  const nestedType: MessageInitShape<typeof DescriptorProtoSchema>[] = [];
  const oneofDecl: { readonly name: string }[] = [];
  const field = fields.map((parts) => {
    const { isRepeated = false, mapOf, isOptional = false, typeName = '', ...rest } = parts;
    const label = isRepeated || mapOf !== undefined ? Label.REPEATED : Label.OPTIONAL;
    if (mapOf === undefined && !isOptional) return { ...rest, typeName, label };
    if (mapOf === undefined) {
      oneofDecl.push({ name: `_${parts.name}` });
      return { ...rest, typeName, label, proto3Optional: true, oneofIndex: oneofDecl.length - 1 };
    }
    const entry = `${capital(parts.name)}Entry`;
    const key = { name: 'key', number: 1, type: Type.STRING, label: Label.OPTIONAL };
    const value = { name: 'value', number: 2, label: Label.OPTIONAL, typeName: '', ...mapOf };
    nestedType.push({ name: entry, field: [key, value], options: { mapEntry: true } });
    return { ...rest, typeName: `.${prefix}.${name}.${entry}`, label };
  });
  return create(DescriptorProtoSchema, { name, field, nestedType, oneofDecl });
}
