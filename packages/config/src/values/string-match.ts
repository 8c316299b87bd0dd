// How a text of a request is matched: exactly one of exact, prefix and regex.
import { andThen, type Decoder, text } from '../decode/decoder.ts';
import { exactlyOne, object, optional } from '../decode/object.ts';
import { refuse, type Walk } from '../decode/walk.ts';
import { isMap } from './plain-map.ts';
import { regex } from './regex.ts';
import type { StringMatch } from './shapes.ts';

const written = object({ exact: optional(text), prefix: optional(text), regex: optional(regex) });

const kinds = ['exact', 'prefix', 'regex'] as const;

/** One of the three, not empty. */
const stringMatch: Decoder<StringMatch> = andThen(written, (match, walk) => {
  if (!exactlyOne(match, kinds, walk)) return undefined;
  const kind = kinds.find((name) => match[name] !== undefined) ?? 'exact';
  const value = match[kind] ?? '';
  if (value !== '' || kind === 'exact') return { kind, value };
  return empty(kind, walk);
});

const empty = (kind: string, walk: Walk): undefined =>
  refuse(walk, { code: 'missing-field', message: `"${kind}" is empty`, remedy: 'write what to match' }, kind);

/** As above, and an empty map (or no value) matches whatever is present. */
export const stringMatchOrPresent: Decoder<StringMatch> = (value, walk) =>
  value === null || (isMap(value) && Object.keys(value).length === 0)
    ? { kind: 'present' }
    : stringMatch(value, walk);

/** As `stringMatch`, but an empty exact text is refused too: nothing has an empty path, method or scheme. */
export const nonEmptyStringMatch: Decoder<StringMatch> = andThen(stringMatch, (match, walk) =>
  match.kind !== 'present' && match.value === '' ? empty(match.kind, walk) : match,
);
