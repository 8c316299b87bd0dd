// Names of fields in both spellings of protobuf's JSON: `label_names` is `labelNames`.
import { type Decoder, isMap, plainMap } from '@xebec/config/decode';

const camel = (name: string): string =>
  name.replace(/(?<=[A-Za-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Fields of the map itself; what is below is left to the decoders of the fields. */
export const anySpelling =
  <T>(decoder: Decoder<T>): Decoder<T> =>
  (value, walk) => {
    if (!isMap(value)) return decoder(value, walk);
    const renamed = plainMap<unknown>();
    for (const [name, field] of Object.entries(value)) {
      const wanted = camel(name);
      renamed[wanted in renamed || (wanted !== name && Object.hasOwn(value, wanted)) ? name : wanted] = field;
    }
    return decoder(renamed, walk);
  };
