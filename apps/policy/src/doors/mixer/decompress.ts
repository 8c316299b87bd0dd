// Attributes of Mixer's clients. A number without a word makes one attribute malformed, not the message.
import type { AttributeBag, AttributeValue } from '@xebec/policy';
import type { CompressedAttributes, StringMap } from '@xebec/protos/istio/mixer/v1/attributes_pb';
import {
  type ReportRequest,
  ReportRequest_RepeatedAttributesSemantics as Semantics,
} from '@xebec/protos/istio/mixer/v1/mixer_pb';
import { durationOf, timestampOf } from '../rpc/times.ts';
import { wordAt } from './words.ts';

/** What has no name or no value of a word. */
export type CountMalformed = () => void;

/** Adds what the message says to what the map has. */
export function decompressInto(
  bag: Map<string, AttributeValue>,
  said: CompressedAttributes,
  {
    words = said.words,
    malformed,
  }: { readonly words?: readonly string[]; readonly malformed: CountMalformed },
): void {
  const put = (index: number, value: AttributeValue | undefined): void => {
    const name = wordAt(index, words);
    if (name === undefined || value === undefined) malformed();
    else bag.set(name, value);
  };
  for (const [index, word] of Object.entries(said.strings)) put(Number(index), wordAt(word, words));
  for (const [index, value] of Object.entries(said.int64s)) put(Number(index), value);
  for (const [index, value] of Object.entries(said.doubles)) put(Number(index), value);
  for (const [index, value] of Object.entries(said.bools)) put(Number(index), value);
  for (const [index, value] of Object.entries(said.timestamps)) put(Number(index), timestampOf(value));
  for (const [index, value] of Object.entries(said.durations)) put(Number(index), durationOf(value));
  for (const [index, value] of Object.entries(said.bytes)) put(Number(index), value);
  for (const [index, value] of Object.entries(said.stringMaps))
    put(Number(index), mapOf(value, words, malformed));
}

function mapOf(
  { entries }: StringMap,
  words: readonly string[],
  malformed: CountMalformed,
): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const [keyIndex, valueIndex] of Object.entries(entries)) {
    const [key, value] = [wordAt(Number(keyIndex), words), wordAt(valueIndex, words)];
    if (key === undefined || value === undefined) malformed();
    else map.set(key, value);
  }
  return map;
}

/** Whole bags, out of bags that each change the one before them unless the client says otherwise. */
export function* bagsOf(request: ReportRequest, malformed: CountMalformed): Iterable<AttributeBag> {
  const isDelta = request.repeatedAttributesSemantics === Semantics.DELTA_ENCODING;
  let before: AttributeBag = new Map();
  for (const said of request.attributes) {
    const bag = new Map(isDelta ? before : undefined);
    const words = said.words.length === 0 ? request.defaultWords : said.words;
    decompressInto(bag, said, { words, malformed });
    before = bag;
    yield bag;
  }
}
