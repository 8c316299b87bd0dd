// The API key of a request: from its query, a header or a cookie. Rule: the first place that has one counts; a key is a text, whatever it looks like.
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

export function apiKeyOf(written: readonly Place[], attributes: AttributeSource): string | undefined {
  for (const place of written.length === 0 ? usualPlaces : written) {
    const key = valueAt(place, attributes);
    if (key !== undefined && key !== '' && key.length <= longestKey) return key;
  }
  return undefined;
}

function valueAt(place: Place, attributes: AttributeSource): string | undefined {
  switch (place.in) {
    case 'query':
      return queryValue(place.name, attributes);
    case 'header':
      return attributes.getKey('request.headers', place.name.toLowerCase());
    case 'cookie':
      return cookieValue(place.name, attributes.getKey('request.headers', 'cookie'));
  }
}

function queryValue(name: string, attributes: AttributeSource): string | undefined {
  if (attributes.hasMap('request.query_params')) return attributes.getKey('request.query_params', name);
  const path = textOf(attributes, 'request.path');
  const mark = path.indexOf('?');
  return mark < 0 ? undefined : (new URLSearchParams(path.slice(mark + 1)).get(name) ?? undefined);
}

function cookieValue(name: string, header: string | undefined): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
