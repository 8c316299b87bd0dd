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
  specsOf(petstore).attributesOf(request(method, path)).get('api.operation');

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
    const attributes = specsOf(petstore).attributesOf(request('GET', '/api/pets'));
    expect(Object.fromEntries(attributes)).toEqual({
      'api.service': 'petstore.swagger.io',
      'api.version': '1.0.0',
      'api.operation': 'findPets',
    });
  });

  it('find the key where it usually is, or where they say', () => {
    const keyOf = (spec: HttpApiSpecSpec, ...at: Parameters<typeof request>) =>
      specsOf(spec)
        .attributesOf(request(...at))
        .get('request.api_key');
    expect(keyOf(petstore, 'GET', '/api/pets?api_key=a%20b')).toBe('a b');
    expect(keyOf(petstore, 'GET', '/api/pets', { 'x-api-key': 'h' })).toBe('h');
    const cookie: HttpApiSpecSpec = { ...petstore, apiKeys: [{ in: 'cookie', name: 'key' }] };
    expect(keyOf(cookie, 'GET', '/x?key=q', { cookie: 'a=b; key=c=d' })).toBe('c=d');
    expect(keyOf(cookie, 'GET', '/x?key=q', { 'x-api-key': 'h' })).toBeUndefined();
  });

  it('say nothing of other services, or attributes of another type', () => {
    const other = specsOf(petstore, { name: 'cats', namespace: 'shop', labels: {} });
    expect(other.attributesOf(request('GET', '/api/pets')).size).toBe(0);
    const all = specsOf(petstore, { name: '*', namespace: '*', labels: {} });
    expect(all.attributesOf(request('GET', '/api/pets')).size).toBe(3);
    const wrong = { ...petstore, attributes: { 'api.service': { type: 'INT64', value: '1' } } } as const;
    expect(specsOf(wrong).attributesOf(request('GET', '/api/pets')).has('api.service')).toBe(false);
  });
});
