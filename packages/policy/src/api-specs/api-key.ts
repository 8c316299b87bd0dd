// The API key of a request: from its query, a header or a cookie. Rule: a key is a text, whatever it looks like; a request with two different keys has none that anybody could go by.
import type { HttpApiSpecSpec } from '@xebec/config';
import type { AttributeSource } from '../attributes/value.ts';
import { textOf } from './bound-services.ts';

type Place = HttpApiSpecSpec['apiKeys'][number];

const usualPlaces: readonly Place[] = [
  { in: 'query', name: 'key' },
  { in: 'query', name: 'api_key' },
  { in: 'header', name: 'x-api-key' },
];

const longestKey = 4_096;

export function apiKeyOf(
  written: readonly Place[],
  attributes: AttributeSource,
): { readonly value: string } | 'unclear' | undefined {
  const places = written.length === 0 ? usualPlaces : written;
  const keys = new Set(places.flatMap((place) => valuesAt(place, attributes)).filter((key) => key !== ''));
  if (keys.size > 1) return 'unclear';
  const [value] = keys;
  return value === undefined || value.length > longestKey ? undefined : { value };
}

function valuesAt(place: Place, attributes: AttributeSource): readonly string[] {
  switch (place.in) {
    case 'query':
      return queryValues(place.name, attributes);
    case 'header': {
      const value = attributes.getKey('request.headers', place.name.toLowerCase());
      return value === undefined ? [] : [value];
    }
    case 'cookie':
      return cookieValues(place.name, attributes.getKey('request.headers', 'cookie'));
  }
}

/** The map has the first of several with one name; the path has them all. */
function queryValues(name: string, attributes: AttributeSource): readonly string[] {
  const path = textOf(attributes, 'request.path');
  const mark = path.indexOf('?');
  const written = mark < 0 ? [] : new URLSearchParams(path.slice(mark + 1)).getAll(name);
  const read = attributes.hasMap('request.query_params')
    ? attributes.getKey('request.query_params', name)
    : undefined;
  return read === undefined ? written : [...written, read];
}

function cookieValues(name: string, header: string | undefined): readonly string[] {
  return (header ?? '').split(';').flatMap((pair) => {
    const equals = pair.indexOf('=');
    return equals > 0 && pair.slice(0, equals).trim() === name ? [pair.slice(equals + 1).trim()] : [];
  });
}
