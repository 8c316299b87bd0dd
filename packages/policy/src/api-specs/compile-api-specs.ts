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
import { bindServices } from './bound-services.ts';
import { type Api, type Attributes, type Description, describeBy, type Operation } from './describe-api.ts';
import { loosePattern, pathPattern } from './path-pattern.ts';

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
  describe(request: AttributeSource): Description;
}

const nothing: Description = { attributes: new Map(), unclear: new Set() };

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
    describe: (request) => {
      const found = bound.find(request);
      return found.length === 0 ? nothing : describeBy(found, request);
    },
  };
}

function compileApi(spec: HttpApiSpecSpec, vocabulary: Vocabulary): Api {
  const operations = new Map<string, Operation[]>();
  for (const { httpMethod, attributes, ...written } of spec.patterns) {
    const operation = {
      pattern: pathPattern(written),
      loosePattern: loosePattern(written),
      attributes: valuesOf(attributes, vocabulary),
    };
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
