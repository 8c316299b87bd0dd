// In which headers the keys of APIs are, by the services that serve them: proxies tell of these beside those that rules name.
import type { ObjectOf, ServiceReference } from '@xebec/config';
import type { Graph, Index } from '@xebec/flow';
import type { ObjectKey } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import type { MeshInputs } from './inputs.ts';

export interface BoundKeyHeaders {
  readonly services: readonly ServiceReference[];
  /** In lower case. */
  readonly headers: readonly string[];
}

export function deriveApiKeyHeaders(
  graph: Graph,
  { httpApiSpecs, httpApiSpecBindings }: MeshInputs,
): Index<string, ObjectKey, BoundKeyHeaders> {
  const bound = graph.derive({
    name: 'mesh.apiKeyHeaders',
    from: httpApiSpecBindings,
    reads: { httpApiSpecs },
    equals: deepEqual,
    fn: ({ spec: { services, apiSpecs } }, key, read) => {
      const headers = apiSpecs.flatMap(({ namespace, name }) => {
        const found = read.httpApiSpecs.get(`HTTPAPISpec/${namespace}/${name}`);
        return found === undefined ? [] : keyHeadersOf(found);
      });
      return headers.length === 0 ? [] : [[key, { services, headers: [...new Set(headers)].sort() }]];
    },
  });
  return graph.index(bound, 'byServiceNamespace', ({ services }) => [
    ...new Set(services.map(({ namespace, host }) => (host === undefined ? namespace : '*'))),
  ]);
}

/** Where a key usually is, when the API does not say. */
const usual: ObjectOf<'HTTPAPISpec'>['spec']['apiKeys'] = [{ in: 'header', name: 'x-api-key' }];

const keyHeadersOf = ({ spec: { apiKeys } }: ObjectOf<'HTTPAPISpec'>): readonly string[] =>
  (apiKeys.length === 0 ? usual : apiKeys).flatMap((place) => {
    if (place.in === 'query') return [];
    return place.in === 'cookie' ? ['cookie'] : [place.name.toLowerCase()];
  });
