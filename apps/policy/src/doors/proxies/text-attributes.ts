// Attributes that come as texts: entries of descriptors, keys of buckets. `request.headers[NAME]` is one entry of a map.
import { type AttributeValue, convert, type Vocabulary } from '@xebec/policy';
import type { BagBuilder } from '../attributes/bag-builder.ts';

const identity = /^(context\.reporter|destination)\./;

export function readTextAttributes(
  bag: BagBuilder,
  vocabulary: Vocabulary,
  entries: Iterable<readonly [string, string]>,
): void {
  const maps = new Map<string, Map<string, string>>();
  for (const [name, text] of entries) {
    const [, map, key] = /^([a-zA-Z_.]+)\[([^\]]+)\]$/.exec(name) ?? [];
    if (map !== undefined && key !== undefined)
      maps.set(map, (maps.get(map) ?? new Map<string, string>()).set(key, text));
    else if (identity.test(name)) bag.drop(name, 'not-yours');
    else say(bag, name, attributeOf(text, name, vocabulary));
  }
  for (const [name, map] of maps) bag.set(name, map);
}

function say(bag: BagBuilder, name: string, value: AttributeValue | undefined): void {
  if (value === undefined) bag.drop(name, 'wrong-type');
  else bag.set(name, value);
}

/** What the vocabulary does not know stays a text: the bag then names it. */
function attributeOf(text: string, name: string, vocabulary: Vocabulary): AttributeValue | undefined {
  const type = vocabulary.get(name)?.type;
  if (type === 'BOOL') return text === 'true' ? true : text === 'false' ? false : undefined;
  return type === undefined ? text : convert(text, type);
}
