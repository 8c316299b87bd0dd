// What HTTPAPISpecs say about requests to the services they are bound to: which operation, and whose key. Compiled once.
import type {
  AttributeLiteral,
  AttributeLiterals,
  HttpApiSpecBindingSpec,
  HttpApiSpecSpec,
} from '@xebec/config';
import { type AttributeSource, type AttributeValue, Duration, Timestamp } from '../attributes/value.ts';
import type { Vocabulary } from '../attributes/vocabulary.ts';
import { parseRfc3339 } from '../expressions/values/rfc3339.ts';
import { apiKeyOf } from './api-key.ts';
import { bindServices, textOf } from './bound-services.ts';
import { type PathPattern, partsOf, pathPattern } from './path-pattern.ts';

interface Named<Spec> {
  readonly namespace: string;
  readonly name: string;
  readonly spec: Spec;
}

export interface ApiSpecObjects {
  readonly specs: Iterable<Named<HttpApiSpecSpec>>;
  readonly bindings: Iterable<Named<HttpApiSpecBindingSpec>>;
  readonly vocabulary: Vocabulary;
}

export interface ApiSpecs {
  readonly isEmpty: boolean;
  /** Of all attributes that they may add to a request. */
  readonly names: ReadonlySet<string>;
  /** Attributes of the request, to be added to those that it has. */
  attributesOf(request: AttributeSource): ReadonlyMap<string, AttributeValue>;
}

type Attributes = ReadonlyMap<string, AttributeValue>;

interface Operation {
  readonly pattern: PathPattern;
  readonly attributes: Attributes;
}

interface Api {
  readonly attributes: Attributes;
  readonly operations: ReadonlyMap<string, readonly Operation[]>;
  readonly apiKeys: HttpApiSpecSpec['apiKeys'];
}

const none: Attributes = new Map();

export function compileApiSpecs({ specs, bindings, vocabulary }: ApiSpecObjects): ApiSpecs {
  const apis = new Map<string, Api>();
  for (const { namespace, name, spec } of specs)
    apis.set(`${namespace}/${name}`, compileApi(spec, vocabulary));
  const bound = bindServices(
    [...bindings].map(({ spec }) => ({
      services: spec.services,
      things: spec.apiSpecs.flatMap(({ namespace, name }) => apis.get(`${namespace}/${name}`) ?? []),
    })),
  );
  return {
    isEmpty: bound.isEmpty,
    names: new Set(['request.api_key', ...[...apis.values()].flatMap(namesOf)]),
    attributesOf: (request) => {
      const found = bound.find(request);
      return found.length === 0 ? none : describe(found, request);
    },
  };
}

function compileApi(spec: HttpApiSpecSpec, vocabulary: Vocabulary): Api {
  const operations = new Map<string, Operation[]>();
  for (const { httpMethod, attributes, ...written } of spec.patterns) {
    const operation = { pattern: pathPattern(written), attributes: valuesOf(attributes, vocabulary) };
    const known = operations.get(httpMethod);
    if (known === undefined) operations.set(httpMethod, [operation]);
    else known.push(operation);
  }
  return { attributes: valuesOf(spec.attributes, vocabulary), operations, apiKeys: spec.apiKeys };
}

const namesOf = ({ attributes, operations }: Api): readonly string[] => [
  ...attributes.keys(),
  ...[...operations.values()].flat().flatMap((operation) => [...operation.attributes.keys()]),
];

/** All patterns that match speak, the later over the earlier, as in Mixer's proxies. */
function describe(apis: readonly Api[], request: AttributeSource): Attributes {
  const method = textOf(request, 'request.method');
  const path = pathOf(request);
  const parts = partsOf(path);
  const attributes = new Map<string, AttributeValue>();
  for (const api of apis) {
    const matching = (api.operations.get(method) ?? []).filter(
      ({ pattern }) =>
        (pattern.parts === undefined || pattern.parts === parts.length) && pattern.matches(path, parts),
    );
    if (matching.length > 0) for (const [name, value] of api.attributes) attributes.set(name, value);
    for (const operation of matching)
      for (const [name, value] of operation.attributes) attributes.set(name, value);
    const key = apiKeyOf(api.apiKeys, request);
    if (key !== undefined && !attributes.has('request.api_key')) attributes.set('request.api_key', key);
  }
  return attributes;
}

function pathOf(request: AttributeSource): string {
  const path = textOf(request, 'request.url_path');
  if (path !== '') return path;
  const [withoutQuery = ''] = textOf(request, 'request.path').split('?', 1);
  return withoutQuery;
}

/** A value of another type than its attribute has would spoil every expression that asks for it. */
function valuesOf(literals: AttributeLiterals, vocabulary: Vocabulary): Attributes {
  const values = new Map<string, AttributeValue>();
  for (const [name, literal] of Object.entries(literals)) {
    const type = vocabulary.get(name)?.type;
    const value = literalValue(literal);
    if (type !== undefined && value !== undefined && isOf(type, literal)) values.set(name, value);
  }
  return values;
}

const texts: ReadonlySet<string> = new Set(['STRING', 'EMAIL_ADDRESS', 'URI', 'DNS_NAME']);

/** Whether an attribute of that type may have the value. */
export function isOf(type: string, literal: AttributeLiteral): boolean {
  if (literal.type === 'BYTES') return type === 'IP_ADDRESS';
  return literal.type === 'STRING' ? texts.has(type) : literal.type === type;
}

function literalValue(literal: AttributeLiteral): AttributeValue | undefined {
  switch (literal.type) {
    case 'STRING':
    case 'DOUBLE':
    case 'BOOL':
      return literal.value;
    case 'INT64':
      return BigInt(literal.value);
    case 'DURATION':
      return new Duration(BigInt(literal.value));
    case 'TIMESTAMP': {
      const nanoseconds = parseRfc3339(literal.value);
      return nanoseconds === undefined ? undefined : new Timestamp(nanoseconds);
    }
    case 'BYTES':
      return bytesOf(literal.value);
    case 'STRING_MAP':
      return new Map(Object.entries(literal.value));
  }
}

const bytesOf = (base64: string): Uint8Array =>
  Uint8Array.from(atob(base64.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
