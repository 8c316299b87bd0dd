// Descriptors of templates: fields, outputs and varieties as a generator writes them, and what is refused.
import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  type FieldDescriptorProto,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { readDescriptor } from './descriptor.ts';

type Field = Partial<Pick<FieldDescriptorProto, 'type' | 'typeName' | 'label' | 'number'>>;

const fields = (named: Readonly<Record<string, Field>>) =>
  Object.entries(named).map(([name, field], index) => ({
    name,
    number: index + 1,
    label: Label.OPTIONAL,
    type: Type.MESSAGE,
    ...field,
  }));

const mapEntry = (name: string, value: Field) => ({
  name,
  field: fields({ key: { type: Type.STRING }, value }),
  options: { mapEntry: true },
});

/** A message of messages of messages …: more fields than there is memory for. */
const wide = Array.from({ length: 100 }, (_, index) => ({
  name: `f${index}`,
  number: index + 1,
  label: Label.OPTIONAL,
  type: Type.MESSAGE,
  typeName: '.lookup.WideMsg',
}));

interface Written {
  readonly instance?: Readonly<Record<string, Field>>;
  readonly output?: Readonly<Record<string, Field>>;
  readonly variety?: number;
}

function descriptor({ instance, output, variety }: Written): string {
  const data = new BinaryWriter().uint32(variety ?? 0).finish();
  const set = create(FileDescriptorSetSchema, {
    file: [
      { name: 'other.proto', package: 'other' },
      {
        name: 'template.proto',
        package: 'lookup',
        messageType: [
          ...(instance === undefined
            ? []
            : [
                {
                  name: 'InstanceMsg',
                  field: fields(instance),
                  nestedType: [
                    mapEntry('DimensionsEntry', { typeName: '.istio.policy.v1beta1.Value' }),
                    mapEntry('LabelsEntry', { type: Type.STRING }),
                  ],
                },
              ]),
          { name: 'PartMsg', field: fields({ id: { type: Type.INT64 } }) },
          { name: 'WideMsg', field: wide },
          { name: 'LoopMsg', field: fields({ self: { typeName: '.lookup.LoopMsg' } }) },
          ...(output === undefined ? [] : [{ name: 'OutputMsg', field: fields(output) }]),
        ],
        options: {},
      },
    ],
  });
  const [, file] = set.file;
  if (file?.options !== undefined && variety !== undefined) {
    file.options.$unknown = [{ no: 72_295_727, wireType: WireType.Varint, data }];
  }
  return Buffer.from(toBinary(FileDescriptorSetSchema, set)).toString('base64');
}

const text = (type: string) => ({ kind: 'value', type });

describe('a descriptor', () => {
  it('tells fields of every type, without the name of the instance', () => {
    const instance = {
      name: { type: Type.STRING, number: 72_295_727 },
      key: { type: Type.STRING },
      count: { type: Type.INT64 },
      value: { typeName: '.istio.policy.v1beta1.Value' },
      from: { typeName: '.istio.policy.v1beta1.IPAddress' },
      dimensions: { typeName: '.lookup.InstanceMsg.DimensionsEntry', label: Label.REPEATED },
      labels: { typeName: '.lookup.InstanceMsg.LabelsEntry', label: Label.REPEATED },
      parts: { typeName: '.lookup.PartMsg', label: Label.REPEATED },
    };
    expect(readDescriptor(descriptor({ instance, variety: 1 }))).toEqual({
      ok: true,
      template: {
        variety: 'REPORT',
        fields: {
          key: text('STRING'),
          count: text('INT64'),
          value: { kind: 'dynamic' },
          from: text('IP_ADDRESS'),
          dimensions: { kind: 'map', of: { kind: 'dynamic' } },
          labels: { kind: 'map', of: text('STRING') },
          parts: { kind: 'list', of: { kind: 'message', fields: { id: text('INT64') } } },
        },
        output: {},
      },
    });
  });

  it('tells what comes back', () => {
    const output = {
      value: { type: Type.STRING },
      labels: { typeName: '.lookup.InstanceMsg.LabelsEntry', label: Label.REPEATED },
    };
    expect(readDescriptor(descriptor({ instance: {}, output, variety: 4 }))).toMatchObject({
      template: { variety: 'CHECK_WITH_OUTPUT', output: { value: 'STRING', labels: 'STRING_MAP' } },
    });
  });

  it('is refused when it is none, describes no template, or has types that no instance has', () => {
    const problemOf = (written: string) => {
      const reading = readDescriptor(written);
      return reading.ok ? 'none' : reading.problem;
    };
    expect(problemOf('//79')).toContain('not a FileDescriptorSet');
    expect(problemOf('!')).toContain('not a FileDescriptorSet');
    expect(problemOf(descriptor({ instance: {} }))).toContain('template_variety');
    expect(problemOf(descriptor({ variety: 0 }))).toContain('InstanceMsg');
    expect(problemOf(descriptor({ instance: {}, variety: 99 }))).toContain('template_variety');
    const odd = { colour: { type: Type.ENUM, typeName: '.lookup.Colour' } };
    expect(problemOf(descriptor({ instance: odd, variety: 0 }))).toContain('colour');
    const loop = { loop: { typeName: '.lookup.LoopMsg' } };
    expect(problemOf(descriptor({ instance: loop, variety: 0 }))).toContain('self');
    const bomb = { wide: { typeName: '.lookup.WideMsg' } };
    expect(problemOf(descriptor({ instance: bomb, variety: 0 }))).not.toBe('none');
    const many = { all: { type: Type.STRING, label: Label.REPEATED } };
    expect(problemOf(descriptor({ instance: {}, output: many, variety: 3 }))).toContain('output all');
  });
});
