// Attributes of the own API to and from what the engine takes.
import { create } from '@bufbuild/protobuf';
import { type AttributeBag, type AttributeValue, Duration, Timestamp } from '@xebec/policy';
import {
  type Attributes,
  AttributesSchema,
  type Value,
  ValueSchema,
} from '@xebec/protos/xebec/policy/v1/policy_pb';
import { durationOf, protoDuration, protoTimestamp, timestampOf } from '../rpc/times.ts';

export function* attributesSaid(
  attributes: Attributes | undefined,
): Iterable<readonly [string, AttributeValue]> {
  for (const [name, value] of Object.entries(attributes?.attributes ?? {})) {
    const read = readValue(value);
    if (read !== undefined) yield [name, read];
  }
}

function readValue({ value }: Value): AttributeValue | undefined {
  switch (value.case) {
    case 'timestampValue':
      return timestampOf(value.value);
    case 'durationValue':
      return durationOf(value.value);
    case 'stringMapValue':
      return new Map(Object.entries(value.value.entries));
    default:
      return value.value;
  }
}

/** The bags of a report; each changes the one before it, or is whole. */
export function* bagsSaid(reported: readonly Attributes[], isDelta: boolean): Iterable<AttributeBag> {
  let before: AttributeBag = new Map();
  for (const attributes of reported) {
    const bag = new Map(isDelta ? before : undefined);
    for (const [name, value] of attributesSaid(attributes)) bag.set(name, value);
    before = bag;
    yield bag;
  }
}

export const writeAttributes = (bag: AttributeBag): Attributes =>
  create(AttributesSchema, {
    attributes: Object.fromEntries(
      [...bag].map(([name, value]) => [name, create(ValueSchema, { value: writeValue(value) })]),
    ),
  });

function writeValue(value: AttributeValue): Value['value'] {
  if (typeof value === 'string') return { case: 'stringValue', value };
  if (typeof value === 'bigint') return { case: 'int64Value', value };
  if (typeof value === 'number') return { case: 'doubleValue', value };
  if (typeof value === 'boolean') return { case: 'boolValue', value };
  if (value instanceof Timestamp) return { case: 'timestampValue', value: protoTimestamp(value) };
  if (value instanceof Duration) return { case: 'durationValue', value: protoDuration(value) };
  if (value instanceof Uint8Array) return { case: 'bytesValue', value };
  return {
    case: 'stringMapValue',
    value: { $typeName: 'xebec.policy.v1.StringMap', entries: Object.fromEntries(value) },
  };
}
