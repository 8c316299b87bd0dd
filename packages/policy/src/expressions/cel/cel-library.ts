// The library's own doors, with names for what its types leave unnamed. Rule: only this file knows how it is made.
import {
  type CelFunc,
  type CelInput,
  CelScalar,
  type CelType,
  celEnv,
  celFunc,
  celMethod,
  mapType,
  type parse,
} from '@bufbuild/cel';
import type { AttributeValue } from '../../attributes/value.ts';
import { Failure } from '../failure.ts';
import { matchWildcard, toDomainName, toIpAddress, toMailAddress, toUri } from '../istio/functions.ts';
import { compilePattern } from '../regular-expression.ts';
import { toLower } from '../text.ts';
import { type Comparison, compareDomainNames } from '../values/domain-name.ts';
import { compareMailAddresses, compareUris } from '../values/equality.ts';
import type { CelStatic } from './cel-type.ts';
import { stringMap } from './cel-type.ts';

/** A node of the library's tree. */
export type CelExpr = ReturnType<typeof parse>['expr'];

/** A function as the checker sees it. */
export interface Overload {
  readonly target?: CelStatic;
  readonly operands: readonly CelStatic[];
  readonly result: CelStatic;
}

const { STRING, BOOL, BYTES, DYN } = CelScalar;
const anyMap = mapType(DYN, DYN);

/** What a lookup without result says; the key follows. */
export const missingKey = "no such key: '";

const given = (value: string | Uint8Array | Failure): string | Uint8Array => {
  if (value instanceof Failure) throw new Error(value.problem);
  return value;
};

const text = (value: AttributeValue | Failure): string =>
  String(given(value instanceof Failure ? value : String(value)));

const bytes = (value: Uint8Array | Failure): Uint8Array => {
  if (value instanceof Failure) throw new Error(value.problem);
  return value;
};

function truth(compared: Comparison): boolean {
  if (!compared.ok) throw new Error(compared.problem);
  return compared.isEqual;
}

const reverse = (value: string): string => [...value].reverse().join('');

/** Thrown errors become errors of CEL inside the library. */
const functions: readonly CelFunc[] = [
  celFunc('match', [STRING, STRING], BOOL, matchWildcard),
  celFunc('reverse', [STRING], STRING, reverse),
  celMethod('reverse', STRING, [], STRING, function () {
    return reverse(this);
  }),
  celFunc('toLower', [STRING], STRING, toLower),
  celFunc('email', [STRING], STRING, (value) => text(toMailAddress(value))),
  celFunc('dnsName', [STRING], STRING, (value) => text(toDomainName(value))),
  celFunc('uri', [STRING], STRING, (value) => text(toUri(value))),
  celFunc('ip', [STRING], BYTES, (value) => bytes(toIpAddress(value))),
  celFunc('emptyStringMap', [], anyMap, () => new Map<string, CelInput>()),
  celFunc('@same_dnsName', [STRING, STRING], BOOL, (a, b) => truth(compareDomainNames(a, b))),
  celFunc('@same_email', [STRING, STRING], BOOL, (a, b) => truth(compareMailAddresses(a, b))),
  celFunc('@same_uri', [STRING, STRING], BOOL, (a, b) => truth(compareUris(a, b))),
  celFunc('@key', [anyMap, STRING], STRING, (map, key) => {
    const value = map.get(key);
    if (typeof value !== 'string') throw new Error(`${missingKey}${key}'`);
    return value;
  }),
];

const re2 = {
  compile: (source: string) => {
    const pattern = compilePattern(source);
    if (pattern instanceof Failure) throw new Error(pattern.problem);
    return pattern;
  },
};

/** One for all expressions: what an expression is about comes with the call. */
export const environment = celEnv({ funcs: [...functions], re2 });

function collectOverloads(): ReadonlyMap<string, readonly Overload[]> {
  const all = new Map<string, Overload[]>();
  const add = (name: string, overload: Overload): void => {
    all.set(name, [...(all.get(name) ?? []), overload]);
  };
  for (const { name, target, arguments: operands, result } of environment.funcs) {
    if (name.startsWith('@') || ownTypes.has(name)) continue;
    add(name, {
      operands: operands.map(fromLibrary),
      result: fromLibrary(result),
      ...(target === undefined ? {} : { target: fromLibrary(target) }),
    });
  }
  for (const [name, result] of ownTypes) {
    const operands: readonly CelStatic[] =
      name === 'match' ? ['string', 'string'] : name === 'emptyStringMap' ? [] : ['string'];
    add(name, { operands, result });
  }
  add('reverse', { target: 'string', operands: [], result: 'string' });
  return all;
}

/** The results of our functions. */
const ownTypes: ReadonlyMap<string, CelStatic> = new Map<string, CelStatic>([
  ['match', 'bool'],
  ['reverse', 'string'],
  ['toLower', 'string'],
  ['email', 'email'],
  ['dnsName', 'dnsName'],
  ['uri', 'uri'],
  ['ip', 'ip'],
  ['emptyStringMap', stringMap],
]);

function fromLibrary(type: CelType): CelStatic {
  switch (type.kind) {
    case 'list':
      return { kind: 'list', element: 'dyn' };
    case 'map':
      return { kind: 'map', key: 'dyn', value: 'dyn' };
    case 'object':
      return type.name.endsWith('Timestamp') ? 'timestamp' : 'duration';
    case 'scalar':
      return type.name === 'null_type' ? 'null' : type.name;
  }
}

/** All functions by name, the library's and ours. */
export const overloads: ReadonlyMap<string, readonly Overload[]> = collectOverloads();
