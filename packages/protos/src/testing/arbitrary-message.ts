// Random messages of any type for property tests: a few fields of each message, edge values included.
// Map keys and Struct keys come in code-unit order, so that order-preserving encoders agree with sorting ones.
import {
  create,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  ScalarType,
} from '@bufbuild/protobuf';
import { isWrapperDesc, FeatureSet_FieldPresence as presence } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';

/** Draws a value from an arbitrary. */
type Draw = fc.GeneratorValue;

const maxDepth = 5;
const maxFields = 5;

/** Messages of the type, with up to five fields set at each of five levels. */
export function arbitraryMessage<Desc extends DescMessage>(schema: Desc): fc.Arbitrary<MessageShape<Desc>> {
  return fc.gen().map((draw) => drawMessage(draw, schema, 0));
}

function drawMessage<Desc extends DescMessage>(draw: Draw, schema: Desc, depth: number): MessageShape<Desc> {
  const message = create(schema);
  const target = message as unknown as Record<string, unknown>;
  for (const field of drawFields(draw, schema)) {
    if (depth >= maxDepth && field.message !== undefined) continue;
    const value = drawField(draw, field, depth);
    if (field.oneof === undefined) target[field.localName] = value;
    else target[field.oneof.localName] = { case: field.localName, value };
  }
  return message;
}

function drawFields(draw: Draw, { fields }: DescMessage): readonly DescField[] {
  const drawn = new Set(draw(fewIndexes, fields.length));
  return fields.filter((field, index) => field.presence === presence.LEGACY_REQUIRED || drawn.has(index));
}

function fewIndexes(count: number): fc.Arbitrary<number[]> {
  return fc.subarray([...Array(count).keys()], { maxLength: Math.min(count, maxFields) });
}

function drawField(draw: Draw, field: DescField, depth: number): unknown {
  switch (field.fieldKind) {
    case 'list':
      return Array.from({ length: draw(fc.nat, 3) }, () => drawElement(draw, field, depth));
    case 'map':
      return Object.fromEntries(
        draw(mapKeys, field.mapKey).map((key) => [key, drawElement(draw, field, depth)]),
      );
    case 'message':
      return isWrapperDesc(field.message) && field.oneof === undefined
        ? draw(scalarOf, field.message.fields[0].scalar)
        : drawElement(draw, field, depth);
    default:
      return drawElement(draw, field, depth);
  }
}

function drawElement(draw: Draw, field: DescField, depth: number): unknown {
  const { message } = field;
  if (message !== undefined) {
    return message.typeName === 'google.protobuf.Struct' && field.parent.typeName !== 'google.protobuf.Value'
      ? draw(jsonObject)
      : drawMessage(draw, message, depth + 1);
  }
  if (field.enum !== undefined)
    return draw(fc.constantFrom, ...field.enum.values.map(({ number }) => number));
  return draw(scalarOf, field.scalar ?? ScalarType.INT32);
}

function mapKeys(type: ScalarType): fc.Arbitrary<string[]> {
  return fc.uniqueArray(mapKey(type), { maxLength: 4 }).map((keys) => keys.sort());
}

function mapKey(type: ScalarType): fc.Arbitrary<string> {
  if (type === ScalarType.STRING) return keyText();
  return type === ScalarType.BOOL ? fc.constantFrom('false', 'true') : fc.nat(9).map(String);
}

/** Keys that objects do not reorder: digits alone would come first. */
function keyText(): fc.Arbitrary<string> {
  return fc
    .string({ unit: 'binary', maxLength: 6 })
    .filter((text) => !/^\d+$/.test(text) && text !== '__proto__');
}

function jsonObject(): fc.Arbitrary<JsonObject> {
  const { value } = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constant(null),
      fc.boolean(),
      fc.double({ noNaN: true }),
      text(),
      fc.array(tie('value'), { maxLength: 3 }),
      tie('object'),
    ),
    object: objectOf(tie('value')),
  }));
  return objectOf(value);
}

function objectOf(value: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonObject> {
  return fc
    .uniqueArray(fc.tuple(keyText(), value), { selector: ([key]) => key, maxLength: 3 })
    .map((entries) => Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Short and long, ASCII and not, around the sizes where writers change their way. */
function text(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ unit: 'grapheme-ascii', minLength: 90, maxLength: 140 }),
    fc.string({ unit: 'binary', minLength: 90, maxLength: 140 }),
  );
}

const signed64 = () =>
  fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt(-200n, 200n));
const unsigned64 = () => fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt(0n, 300n));
const signed32 = () => fc.oneof(fc.integer(), fc.integer({ min: -200, max: 200 }));
const unsigned32 = () => fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.nat(300));

const scalars: Readonly<Record<ScalarType, () => fc.Arbitrary<unknown>>> = {
  [ScalarType.DOUBLE]: () => fc.double({ noNaN: true }),
  [ScalarType.FLOAT]: () => fc.float({ noNaN: true }),
  [ScalarType.INT32]: signed32,
  [ScalarType.SINT32]: signed32,
  [ScalarType.SFIXED32]: signed32,
  [ScalarType.UINT32]: unsigned32,
  [ScalarType.FIXED32]: unsigned32,
  [ScalarType.INT64]: signed64,
  [ScalarType.SINT64]: signed64,
  [ScalarType.SFIXED64]: signed64,
  [ScalarType.UINT64]: unsigned64,
  [ScalarType.FIXED64]: unsigned64,
  [ScalarType.BOOL]: () => fc.boolean(),
  [ScalarType.STRING]: text,
  [ScalarType.BYTES]: () => fc.uint8Array({ maxLength: 40 }),
};

function scalarOf(type: ScalarType): fc.Arbitrary<unknown> {
  return scalars[type]();
}
