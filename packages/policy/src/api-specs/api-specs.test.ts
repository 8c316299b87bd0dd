// HTTPAPISpecs: which operation a request is, where its key is, and only for services they are bound to.
import type { HttpApiSpecSpec } from '@xebec/config';
import { describe, expect, it } from 'vitest';
import { sourceOf } from '../attributes/bag.ts';
import { istioVocabulary } from '../attributes/make-vocabulary.ts';
import { bag } from '../testing/test-engine.ts';
import { compileApiSpecs } from './compile-api-specs.ts';

const text = (value: string) => ({ type: 'STRING', value }) as const;

const petstore: HttpApiSpecSpec = {
  attributes: { 'api.service': text('petstore.swagger.io'), 'api.version': text('1.0.0') },
  patterns: [
    { httpMethod: 'GET', uriTemplate: '/api/pets', attributes: { 'api.operation': text('findPets') } },
    { httpMethod: 'POST', uriTemplate: '/api/pets', attributes: { 'api.operation': text('addPet') } },
    {
      httpMethod: 'GET',
      uriTemplate: '/api/pets/{id}',
      attributes: { 'api.operation': text('findPetById') },
    },
    { httpMethod: 'GET', uriTemplate: '/api/{id}.json', attributes: { 'api.operation': text('raw') } },
    {
      httpMethod: 'DELETE',
      regex: '/api/p[a-z]+/[0-9]+',
      attributes: { 'api.operation': text('deletePet') },
    },
  ],
  apiKeys: [],
};

const specsOf = (spec: HttpApiSpecSpec, service = { name: 'pets', namespace: 'shop', labels: {} }) =>
  compileApiSpecs({
    specs: [{ namespace: 'shop', name: 'petstore', spec }],
    bindings: [
      {
        namespace: 'shop',
        name: 'petstore',
        spec: { services: [service], apiSpecs: [{ namespace: 'shop', name: 'petstore' }] },
      },
    ],
    vocabulary: istioVocabulary,
  });

const request = (method: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
  sourceOf(
    bag({
      'destination.service.name': 'pets',
      'destination.service.namespace': 'shop',
      'request.method': method,
      'request.path': path,
      'request.headers': new Map(Object.entries(headers)),
    }),
  );

const operationOf = (method: string, path: string): unknown =>
  specsOf(petstore).describe(request(method, path)).attributes.get('api.operation');

describe('HTTPAPISpecs', () => {
  it('name the operation by method and path, without the query', () => {
    expect(operationOf('GET', '/api/pets?limit=3')).toBe('findPets');
    expect(operationOf('POST', '/api/pets')).toBe('addPet');
    expect(operationOf('GET', '/api/pets/7')).toBe('findPetById');
    expect(operationOf('GET', '/api/7.json')).toBe('raw');
    expect(operationOf('DELETE', '/api/pets/7')).toBe('deletePet');
    for (const path of ['/api/pets/7/8', '/api/pets/', '/x/api/pets', '/api/.json']) {
      expect(operationOf('GET', path), path).toBeUndefined();
    }
    expect(operationOf('DELETE', '/x/api/pets/7')).toBeUndefined();
  });

  it('give what all operations have in common to those that match', () => {
    const { attributes } = specsOf(petstore).describe(request('GET', '/api/pets'));
    expect(Object.fromEntries(attributes)).toEqual({
      'api.service': 'petstore.swagger.io',
      'api.version': '1.0.0',
      'api.operation': 'findPets',
    });
  });

  it('find the key where it usually is, or where they say', () => {
    const keyOf = (spec: HttpApiSpecSpec, ...at: Parameters<typeof request>) =>
      specsOf(spec)
        .describe(request(...at))
        .attributes.get('request.api_key');
    expect(keyOf(petstore, 'GET', '/api/pets?api_key=a%20b')).toBe('a b');
    expect(keyOf(petstore, 'GET', '/api/pets', { 'x-api-key': 'h' })).toBe('h');
    const cookie: HttpApiSpecSpec = { ...petstore, apiKeys: [{ in: 'cookie', name: 'key' }] };
    expect(keyOf(cookie, 'GET', '/x?key=q', { cookie: 'a=b; key=c=d' })).toBe('c=d');
    expect(keyOf(cookie, 'GET', '/x?key=q', { 'x-api-key': 'h' })).toBeUndefined();
  });

  it('say nothing of other services, or attributes of another type', () => {
    const other = specsOf(petstore, { name: 'cats', namespace: 'shop', labels: {} });
    expect(other.describe(request('GET', '/api/pets')).attributes.size).toBe(0);
    const all = specsOf(petstore, { name: '*', namespace: '*', labels: {} });
    expect(all.describe(request('GET', '/api/pets')).attributes.size).toBe(3);
    const wrong = { ...petstore, attributes: { 'api.service': { type: 'INT64', value: '1' } } } as const;
    expect(specsOf(wrong).describe(request('GET', '/api/pets')).attributes.has('api.service')).toBe(false);
  });

  const unclearOf = (method: string, path: string, headers: Readonly<Record<string, string>> = {}) => [
    ...specsOf(petstore).describe(request(method, path, headers)).unclear,
  ];

  it('leave open what a server may understand in two ways', () => {
    for (const path of [
      '/api//pets',
      '/api/pets/',
      '/api/p%65ts',
      '/api/p%2565ts',
      '/API/pets',
      '/api/pets;v=1',
      '/api/x/../pets',
      '/api%2Fpets',
      '/api\\pets',
      '/api/./pets',
      '//api/pets',
    ])
      expect([path, unclearOf('GET', path)]).toEqual([path, expect.arrayContaining(['api.operation'])]);
    for (const path of ['/api/pets/a%2Fb', '/api/pets/..%2F..', '/api/pets/%2e%2e', '/api/pets/7/'])
      expect([path, operationOf('GET', path), unclearOf('GET', path)]).toEqual([
        path,
        undefined,
        expect.arrayContaining(['api.operation']),
      ]);
    expect(unclearOf('DELETE', '/api/PETS/7')).toContain('api.operation');
    expect(unclearOf('DELETE', '/api/pets/7/')).toContain('api.operation');
  });

  it('are sure where every way of reading a path gives the same', () => {
    const sure = [
      ['/api/pets', 'findPets'],
      ['/api/pets/caf%C3%A9', 'findPetById'],
      ['/api/pets/a%20b', 'findPetById'],
      ['/api/pets/a;v=1', 'findPetById'],
      ['/api/pets/A', 'findPetById'],
      ['/other', undefined],
      ['/other/a%2Fb', undefined],
      ['/', undefined],
    ] as const;
    for (const [path, operation] of sure)
      expect([path, operationOf('GET', path), unclearOf('GET', path)]).toEqual([path, operation, []]);
    expect(operationOf('HEAD', '/api/pets')).toBe('findPets');
    // Both are written: they are two.
    const both = (path: string) =>
      specsOf({
        ...petstore,
        patterns: ['/a', '/a/', '/B%20c'].map((uriTemplate) => ({
          httpMethod: 'GET',
          uriTemplate,
          attributes: { 'api.operation': text(uriTemplate) },
        })),
      }).describe(request('GET', path));
    for (const path of ['/a', '/a/', '/B%20c'])
      expect([both(path).attributes.get('api.operation'), both(path).unclear.size]).toEqual([path, 0]);
  });

  it('take no key from a request that has two', () => {
    expect(unclearOf('GET', '/api/pets?key=a&key=b')).toEqual(['request.api_key']);
    expect(unclearOf('GET', '/api/pets?key=a', { 'x-api-key': 'b' })).toEqual(['request.api_key']);
    expect(unclearOf('GET', '/api/pets?key=a&key=a', { 'x-api-key': 'a' })).toEqual([]);
    const cookie: HttpApiSpecSpec = { ...petstore, apiKeys: [{ in: 'cookie', name: 'key' }] };
    const two = specsOf(cookie).describe(request('GET', '/', { cookie: 'key=a; key=b' }));
    expect([...two.unclear, two.attributes.get('request.api_key')]).toEqual(['request.api_key', undefined]);
  });
});
