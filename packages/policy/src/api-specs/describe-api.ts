// What the patterns of an API say about one request. Rule: a path that a server may take for another operation than it looks like has no operation at all, and whoever decides by it cannot decide.
import type { HttpApiSpecSpec } from '@xebec/config';
import type { AttributeSource, AttributeValue } from '../attributes/value.ts';
import { apiKeyOf } from './api-key.ts';
import { textOf } from './bound-services.ts';
import { loosePath } from './loose-path.ts';
import { type PathPattern, partsOf } from './path-pattern.ts';

export type Attributes = ReadonlyMap<string, AttributeValue>;

export interface Operation {
  readonly pattern: PathPattern;
  /** The same pattern for paths that servers may understand more generously. */
  readonly loosePattern: PathPattern;
  readonly attributes: Attributes;
}

export interface Api {
  readonly attributes: Attributes;
  readonly operations: ReadonlyMap<string, readonly Operation[]>;
  readonly apiKeys: HttpApiSpecSpec['apiKeys'];
}

export interface Description {
  readonly attributes: Attributes;
  /** Attributes that could be this or that. */
  readonly unclear: ReadonlySet<string>;
}

/** All patterns that match speak, the later over the earlier, as in Mixer's proxies. */
export function describeBy(apis: readonly Api[], request: AttributeSource): Description {
  const method = textOf(request, 'request.method');
  const path = pathOf(request);
  const attributes = new Map<string, AttributeValue>();
  const unclear = new Set<string>();
  for (const api of apis) {
    const operations = operationsFor(api, method);
    const exact = attributesAt(api, operations, { path, form: 'pattern' });
    for (const [name, value] of exact) attributes.set(name, value);
    if (exact.size === 0 || !isPlain(path)) {
      const loose = attributesAt(api, operations, { path: loosePath(path), form: 'loosePattern' });
      for (const name of differing(exact, loose)) unclear.add(name);
    }
    const key = apiKeyOf(api.apiKeys, request);
    if (key === 'unclear') unclear.add('request.api_key');
    else if (key !== undefined && !attributes.has('request.api_key'))
      attributes.set('request.api_key', key.value);
  }
  for (const name of unclear) attributes.delete(name);
  return { attributes, unclear };
}

/** Who serves GET serves HEAD. */
const operationsFor = ({ operations }: Api, method: string): readonly Operation[] =>
  operations.get(method) ?? (method === 'HEAD' ? operations.get('GET') : undefined) ?? [];

interface At {
  readonly path: string;
  readonly form: 'pattern' | 'loosePattern';
}

function attributesAt(api: Api, operations: readonly Operation[], { path, form }: At): Attributes {
  const parts = partsOf(path);
  const found = new Map<string, AttributeValue>();
  for (const operation of operations) {
    const pattern = operation[form];
    if (pattern.parts !== undefined && pattern.parts !== parts.length) continue;
    if (!pattern.matches(path, parts)) continue;
    if (found.size === 0) for (const [name, value] of api.attributes) found.set(name, value);
    for (const [name, value] of operation.attributes) found.set(name, value);
  }
  return found;
}

/** There is one way to understand it. */
const isPlain = (path: string): boolean => !/[%\\;]|\/\/|\/\.{1,2}(\/|$)/.test(path);

function* differing(left: Attributes, right: Attributes): Iterable<string> {
  for (const name of new Set([...left.keys(), ...right.keys()]))
    if (left.get(name) !== right.get(name)) yield name;
}

function pathOf(request: AttributeSource): string {
  const path = textOf(request, 'request.url_path');
  if (path !== '') return path;
  const [withoutQuery = ''] = textOf(request, 'request.path').split('?', 1);
  return withoutQuery;
}
