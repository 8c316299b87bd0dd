// The protobuf file of a template as text, for the generators of other languages.
import { type FieldDescriptorProto, FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt';
import type { Template } from './template.ts';
import { templateProto } from './template-proto.ts';

const scalarNames: Readonly<Partial<Record<Type, string>>> = {
  [Type.STRING]: 'string',
  [Type.INT64]: 'int64',
  [Type.DOUBLE]: 'double',
  [Type.BOOL]: 'bool',
};

interface Message {
  readonly name: string;
  readonly field: readonly FieldDescriptorProto[];
  readonly nestedType: readonly { readonly name: string; readonly field: readonly FieldDescriptorProto[] }[];
}

/** `template` must not have come from a descriptor: its own proto says more. */
export function printTemplateProto(template: Template): string {
  const file = templateProto(template);
  const inside = `.${file.package}.`;
  const nameOf = ({ type, typeName }: FieldDescriptorProto): string =>
    scalarNames[type] ?? (typeName.startsWith(inside) ? typeName.slice(inside.length) : typeName.slice(1));
  const lineOf = (message: Message, field: FieldDescriptorProto): string => {
    const entry = message.nestedType.find(({ name }) => field.typeName.endsWith(`.${name}`));
    const value = entry?.field[1];
    const label = field.label === 3 ? 'repeated ' : field.proto3Optional ? 'optional ' : '';
    const type = value === undefined ? `${label}${nameOf(field)}` : `map<string, ${nameOf(value)}>`;
    return `  ${type} ${field.name} = ${field.number};`;
  };
  const option = 'option (istio.mixer.adapter.model.v1beta1';
  const services = file.service.map(({ name, method }) => {
    const calls = method.map(
      (each) =>
        `  rpc ${each.name}(${each.inputType.slice(inside.length)}) returns (${
          each.outputType.startsWith(inside) ? each.outputType.slice(inside.length) : each.outputType.slice(1)
        });`,
    );
    return `service ${name} {\n${calls.join('\n')}\n}`;
  });
  const messages = file.messageType.map((message) => {
    const lines = message.field.map((field) => lineOf(message, field));
    return `message ${message.name} {${lines.length === 0 ? '' : `\n${lines.join('\n')}\n`}}`;
  });
  const dependencies = [...file.dependency, 'istio/mixer/adapter/model/v1beta1/extensions.proto'].sort();
  return [
    `// What adapters outside for the template ${template.name} implement and get.`,
    'syntax = "proto3";\n',
    `package ${file.package};\n`,
    ...dependencies.map((path) => `import "${path}";`),
    `\n${option}.template_name) = "${template.name}";`,
    `${option}.template_variety) = TEMPLATE_VARIETY_${template.variety};\n`,
    [...services, ...messages].join('\n\n'),
    '',
  ].join('\n');
}
