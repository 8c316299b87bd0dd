// Labels, annotations and other maps of texts.
import { andThen, type Decoder, mapOf, text } from '../decode/decoder.ts';
import { refuse } from '../decode/walk.ts';
import { checkLabelValue, checkQualifiedName } from './names.ts';

/** A text; `key:` without a value is the empty text. */
const textOrEmpty: Decoder<string> = (value, walk) => (value === null ? '' : text(value, walk));

const labelValue: Decoder<string> = andThen(textOrEmpty, (value, walk) => {
  const complaint = checkLabelValue(value);
  return complaint === undefined ? value : refuse(walk, complaint);
});

/** Labels, or the labels a selector wants. */
export const labels = mapOf(labelValue, checkQualifiedName);

const maxAnnotationBytes = 262_144;

/** Annotations: free text, limited in total. */
export const annotations = andThen(mapOf(textOrEmpty, checkQualifiedName), (map, walk) => {
  let size = 0;
  for (const key of Object.keys(map)) size += key.length + (map[key]?.length ?? 0);
  if (size <= maxAnnotationBytes) return map;
  return refuse(walk, {
    code: 'too-many',
    message: `annotations hold ${size} characters, the most is ${maxAnnotationBytes}`,
    remedy: 'keep less in them',
  });
});
