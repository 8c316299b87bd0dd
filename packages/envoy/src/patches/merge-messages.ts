// Protobuf's merge, as patches mean it: set fields win, lists grow, maps gain; packed messages of one type are merged inside; durations and single values are replaced.
import { create, type DescField, fromBinary, type Message, type Registry } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { encode } from '@xebec/protos';

/** Messages that are one value: half of an old one and half of a new one would be neither. */
const atoms = new Set(['google.protobuf.Duration', 'google.protobuf.Timestamp', 'google.protobuf.Value']);

/** Merges `patch` into `target`, which is changed. Both are of one type. */
export function mergeMessages(target: Message, patch: Message, registry: Registry): void {
  const schema = registry.getMessage(patch.$typeName);
  if (schema === undefined) return;
  mergeReflected(reflect(schema, target), reflect(schema, patch), registry);
}

function mergeReflected(target: ReflectMessage, patch: ReflectMessage, registry: Registry): void {
  for (const field of patch.fields) {
    if (patch.isSet(field)) mergeField({ target, patch, registry }, field);
  }
}

interface Merge {
  readonly target: ReflectMessage;
  readonly patch: ReflectMessage;
  readonly registry: Registry;
}

function mergeField(merge: Merge, field: DescField): void {
  const { target, patch } = merge;
  switch (field.fieldKind) {
    case 'list':
      for (const item of patch.get(field)) target.get(field).add(item);
      return;
    case 'map':
      for (const [key, value] of patch.get(field)) target.get(field).set(key, value);
      return;
    case 'message':
      mergeMember(merge, field);
      return;
    default:
      target.set(field, patch.get(field));
  }
}

function mergeMember(
  { target, patch, registry }: Merge,
  field: Extract<DescField, { fieldKind: 'message' }>,
): void {
  const { typeName } = field.message;
  const isWhole = atoms.has(typeName) || typeName.endsWith('Value') || !target.isSet(field);
  if (isWhole) {
    target.set(field, patch.get(field));
    return;
  }
  if (typeName === AnySchema.typeName) {
    const merged = mergeAny(target.get(field).message as Any, patch.get(field).message as Any, registry);
    target.set(field, reflect(AnySchema, merged));
    return;
  }
  if (typeName === 'google.protobuf.Struct') {
    mergeReflected(target.get(field), patch.get(field), registry);
    return;
  }
  mergeReflected(target.get(field), patch.get(field), registry);
}

/** The patch's content merged into the target's when both pack one type; another type replaces it. */
function mergeAny(target: Any, patch: Any, registry: Registry): Any {
  if (target.typeUrl !== patch.typeUrl) return patch;
  const schema = registry.getMessage(target.typeUrl.slice(target.typeUrl.lastIndexOf('/') + 1));
  if (schema === undefined) return patch;
  const inner = fromBinary(schema, target.value);
  mergeMessages(inner, fromBinary(schema, patch.value), registry);
  return create(AnySchema, { typeUrl: target.typeUrl, value: encode(schema, inner) });
}
